-- purpose: move objects of a claimed batch to a planned batch of their own, because the whole batch was too
--          large for the server
-- parameters: $1 batch id bigint, $2 fencing token int, $3 object ids bigint[]
-- rows: the id of the new batch, once per object; none when the claim was lost
-- locks: the rows of the objects and the batches, until commit
-- idempotent: no; the objects are in another batch then
with split as (
    insert into evo.batches (entity, lake_id, run_id, ingestion_date, first_path, last_path, objects_count,
                             attempt, state, bytes)
    select b.entity, b.lake_id, b.run_id, b.ingestion_date, min(o.path collate "C"), max(o.path collate "C"),
           count(*), 0, 'planned', sum(o.size_bytes)
    from evo.batches b
    join evo.objects o on o.batch_id = b.batch_id
    where b.batch_id = $1 and b.fence = $2 and b.state = 'claimed' and o.object_id = any($3)
    group by b.batch_id
    returning batch_id
)
update evo.objects o
set batch_id = s.batch_id
from split s
where o.object_id = any($3) and o.batch_id = $1
returning s.batch_id
