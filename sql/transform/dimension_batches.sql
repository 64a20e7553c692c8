-- purpose: list the batches that a dimension's sources have transformed and the dimension has not, or all of
--          the former
-- parameters: $1 dimension text, $2 source entities text[], $3 all of them boolean
-- rows: batch id, its source entity, rows that it inserted or updated in staging; oldest first
-- locks: none
-- idempotent: reads only
select s.batch_id, s.entity, b.inserted_count + b.updated_count
from evo.model_batches s
join evo.batches b on b.batch_id = s.batch_id
where s.entity = any($2)
  and ($3 or not exists (select from evo.model_batches d where d.entity = $1 and d.batch_id = s.batch_id))
order by s.batch_id
