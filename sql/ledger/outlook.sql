-- purpose: count the objects of an entity by their state
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null
-- rows: state, whether it is in the selection, objects, compressed bytes
-- locks: none
-- idempotent: reads only
select
    state,
    coalesce(($3::text is null or run_id = $3) and ($4::date is null or ingestion_date >= $4), false),
    count(*), sum(size_bytes)::bigint
from evo.objects
where entity = $1 and lake_id = $2
group by 1, 2
order by 1, 2
