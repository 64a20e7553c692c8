-- purpose: make objects pending again that were loaded or quarantined; an older version of a path is left
--          alone, because it can no longer be read
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $5 only objects
--             with open rejects boolean
-- placeholders: {objects} evo.objects, or its rows that a load names, as a subquery over $6 bigint[]
-- rows: none; the command tag counts the batches from which objects were taken
-- locks: the rows of the objects and their batches, until commit
-- idempotent: an object that is pending already is not changed
-- A batch keeps what it has counted, and how much of it is counted again elsewhere: see
-- sql/checks/ledger.sql.
with chosen as materialized (
    select o.object_id, o.state, o.batch_id, o.lines_count
    from {objects} o
    where o.entity = $1 and o.lake_id = $2 and o.state in ('loaded', 'quarantined') and o.run_id is not null
      and ($3::text is null or o.run_id = $3)
      and ($4::date is null or o.ingestion_date >= $4)
      and (not $5 or exists (select from evo.rejects r where r.object_id = o.object_id and r.resolved_at is null))
      and not exists (
          select from evo.objects newer
          where newer.lake_id = o.lake_id and newer.entity = o.entity and newer.path = o.path
            and newer.version > o.version
      )
),
forgotten as (
    update evo.objects o
    set state = 'pending', reason = null, batch_id = null,
        lines_count = 0, inserted_count = 0, updated_count = 0, unchanged_count = 0, superseded_count = 0,
        rejected_count = 0
    from chosen c
    where o.object_id = c.object_id and o.state = c.state
    returning c.state, c.batch_id, c.lines_count
)
update evo.batches b
set again_objects_count = b.again_objects_count + f.objects, again_lines_count = b.again_lines_count + f.lines
from (select batch_id, count(*)::integer as objects, sum(lines_count)::bigint as lines from forgotten
    where state = 'loaded' group by batch_id) f
where b.batch_id = f.batch_id
