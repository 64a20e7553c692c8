-- purpose: claim the next batch of the oldest run that is not loaded: a planned one, one whose holder's lease
--          has expired or whose holder has ended, or one that this execution has claimed without receiving
--          the reply
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $5 execution id
--             uuid, $6 lease in seconds double precision, $7 batches that the execution holds bigint[]
-- rows: none when there is nothing to claim now; else one: batch id, fencing token, attempt, run id, whether
--       it was taken over from another execution
-- locks: the batch's row, until the end of this short transaction; rivals skip locked rows
-- idempotent: no; each claim raises the fencing token and the attempt
-- A newer run, or a later date of the same run, waits until the older one is loaded. So the verdicts of its
-- batches are final.
with oldest as materialized (
    select o.run_id, o.ingestion_date
    from evo.batches o
    where o.entity = $1 and o.lake_id = $2 and o.state <> 'committed'
      and ($3::text is null or o.run_id = $3)
      and ($4::date is null or o.ingestion_date >= $4)
    order by coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C"
    limit 1
),
-- To ask whether an execution runs reads every lock of the server, so each is asked about once.
rivals as materialized (
    select distinct b.execution_id
    from evo.batches b
    join oldest o on o.run_id = b.run_id and o.ingestion_date is not distinct from b.ingestion_date
    where b.entity = $1 and b.lake_id = $2 and b.state = 'claimed' and b.execution_id <> $5
),
ended as materialized (
    select r.execution_id from rivals r where not evo.is_running(r.execution_id)
),
next_batch as (
    select b.batch_id, b.state = 'claimed' and b.execution_id <> $5 as is_taken_over
    from evo.batches b
    join oldest o on o.run_id = b.run_id and o.ingestion_date is not distinct from b.ingestion_date
    where b.entity = $1 and b.lake_id = $2 and b.state <> 'committed'
      and case
          when b.state = 'planned' then true
          when b.execution_id = $5 then b.batch_id <> all ($7)
          -- An execution that has lost its own lock cannot tell which others have ended: after a crash of the
          -- server all have lost theirs, and would take each other's batches in turn.
          else b.lease_until < clock_timestamp()
              or (b.execution_id in (select e.execution_id from ended e) and evo.is_running($5))
      end
    order by b.first_path collate "C"
    limit 1
    for update of b skip locked
)
update evo.batches b
set state = 'claimed', execution_id = $5, fence = b.fence + 1, attempt = b.attempt + 1,
    started_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $6)
from next_batch n
where b.batch_id = n.batch_id
returning b.batch_id, b.fence, b.attempt, b.run_id, n.is_taken_over
