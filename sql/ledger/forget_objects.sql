-- purpose: make some objects pending again, whatever became of them, to load them again
-- parameters: $1 object ids bigint[]
-- rows: none; the command tag counts the batches from which objects were taken
-- locks: the rows of the objects and their batches, until commit
-- idempotent: what is pending already is not taken again
-- A batch keeps what it has counted, and how much of it is counted again elsewhere: see
-- sql/checks/ledger.sql.
with chosen as materialized (
    select o.object_id, o.state, o.batch_id, o.lines_count
    from evo.objects o
    where o.object_id = any ($1) and o.state in ('loaded', 'quarantined')
),
forgotten as (
    update evo.objects o
    set state = 'pending', reason = null, batch_id = null,
        lines_count = 0, inserted_count = 0, updated_count = 0, unchanged_count = 0, superseded_count = 0, rejected_count = 0
    from chosen c
    where o.object_id = c.object_id and o.state = c.state
    returning c.state, c.batch_id, c.lines_count
)
update evo.batches b
set again_objects_count = b.again_objects_count + f.objects, again_lines_count = b.again_lines_count + f.lines
from (select batch_id, count(*)::integer as objects, sum(lines_count)::bigint as lines from forgotten where state = 'loaded' group by batch_id) f
where b.batch_id = f.batch_id
