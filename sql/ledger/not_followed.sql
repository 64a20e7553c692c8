-- purpose: list the committed batches of an entity whose rows were not compared with its newest whole run
-- parameters: $1 entity text
-- rows: batch id; oldest first
-- locks: none
-- idempotent: reads only
select b.batch_id
from evo.batches b
where b.entity = $1 and b.state = 'committed'
  and not exists (select from evo.followed_batches f where f.entity = b.entity and f.batch_id = b.batch_id)
order by b.batch_id
