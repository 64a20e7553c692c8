-- purpose: how many objects of an entity are in which state
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null
-- rows: state, whether it is in the selection, objects, compressed bytes
select
    state,
    coalesce(($2::text is null or run_id = $2) and ($3::date is null or ingestion_date >= $3), false),
    count(*), sum(size_bytes)::bigint
from evo.objects
where entity = $1
group by 1, 2
order by 1, 2
