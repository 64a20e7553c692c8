-- purpose: list the batches that may have loaded one of some objects, now or earlier: an object that was
--          loaded again does not say which batch loaded it first
-- parameters: $1 object ids bigint[]
-- rows: batch id
-- locks: none
-- idempotent: reads only
select distinct b.batch_id
from evo.objects o
join evo.batches b
    on b.entity = o.entity and b.lake_id = o.lake_id and b.run_id = o.run_id and b.state = 'committed'
   and b.ingestion_date is not distinct from o.ingestion_date
   and b.first_path collate "C" <= o.path collate "C" and b.last_path collate "C" >= o.path collate "C"
where o.object_id = any ($1)
