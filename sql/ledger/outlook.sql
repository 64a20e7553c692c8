-- purpose: count the objects of an entity by their state
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null
-- placeholders: {objects} evo.objects, or the text of preview_objects.sql
-- rows: state, whether it is in the selection, objects, compressed bytes
-- locks: none
-- idempotent: reads only
select
    o.state,
    coalesce(($3::text is null or o.run_id = $3) and ($4::date is null or o.ingestion_date >= $4), false),
    count(*), sum(o.size_bytes)::bigint
from {objects} o
where o.entity = $1 and o.lake_id = $2
group by 1, 2
order by 1, 2
