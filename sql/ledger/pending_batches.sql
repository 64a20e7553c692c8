-- purpose: list committed batches that an entity's models have not transformed
-- parameters: $1 entity text
-- rows: batch id; oldest first
-- locks: none
-- idempotent: reads only
select b.batch_id
from evo.batches b
where b.entity = $1 and b.state = 'committed'
  and not exists (select from evo.model_batches m where m.entity = b.entity and m.batch_id = b.batch_id)
order by b.batch_id
