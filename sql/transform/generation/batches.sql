-- purpose: list the committed batches of an entity, under the caller's snapshot
-- parameters: $1 entity text
-- rows: batch id, ascending
-- locks: none
-- idempotent: reads only
select batch_id from evo.batches where entity = $1 and state = 'committed' order by 1
