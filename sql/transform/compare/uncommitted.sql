-- purpose: list the batches that may commit rows from now on
-- parameters: $1 entity text
-- rows: one: batches of the entity that are not committed bigint[], the newest batch of all; later ones have
--       greater ids
-- locks: none
-- idempotent: reads only
select coalesce(array_agg(b.batch_id) filter (where b.entity = $1 and b.state <> 'committed'), '{}'),
       coalesce(max(b.batch_id), 0)
from evo.batches b
