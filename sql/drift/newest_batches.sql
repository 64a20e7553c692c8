-- purpose: find batches of the newest run that an entity has loaded
-- parameters: $1 entity text, $2 how many bigint
-- rows: batch id, run id
-- locks: none
-- idempotent: reads only
with newest as (
    select lake_id, run_id, ingestion_date
    from evo.batches
    where entity = $1 and state = 'committed'
    order by coalesce(ingestion_date, '-infinity') desc, run_order desc, run_id collate "C" desc
    limit 1
)
select b.batch_id, b.run_id
from evo.batches b
join newest n on n.lake_id = b.lake_id and n.run_id = b.run_id and n.ingestion_date is not distinct from b.ingestion_date
where b.entity = $1 and b.state = 'committed'
order by b.batch_id desc
limit $2
