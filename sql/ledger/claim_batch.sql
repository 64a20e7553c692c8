-- purpose: take the next batch of the oldest run that is not in: one that is planned, or whose holder's lease is over, or
--          whose holder is gone, or that this execution has claimed without ever hearing of it
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null, $4 execution id uuid, $5 lease in seconds double,
--             $6 batches that the execution holds bigint[]
-- rows: none when there is nothing to take now; else batch_id, fence, attempt, run_id, taken over from another execution
-- locks: the batch's row, until the end of this short transaction; `skip locked` lets rivals pass
-- A newer run waits until the older one is in: its verdicts are then right at once.
with next_batch as (
    select b.batch_id, b.state = 'claimed' and b.execution_id <> $4 as is_taken_over
    from evo.batches b
    where b.entity = $1 and b.state <> 'committed'
      and b.run_id collate "C" = (
          select o.run_id collate "C"
          from evo.batches o
          where o.entity = $1 and o.state <> 'committed'
            and ($2::text is null or o.run_id = $2)
            and ($3::date is null or not exists (select from evo.objects x where x.batch_id = o.batch_id and x.ingestion_date < $3))
          order by o.run_id collate "C"
          limit 1
      )
      and ($3::date is null or not exists (select from evo.objects x where x.batch_id = b.batch_id and x.ingestion_date < $3))
      and case
          when b.state = 'planned' then true
          when b.execution_id = $4 then b.batch_id <> all ($6)
          -- Whoever has lost its own lock cannot tell who is gone: after a crash of the server all have, and would take
          -- each other's batches in turn.
          else b.lease_until < clock_timestamp() or (not evo.is_running(b.execution_id) and evo.is_running($4))
      end
    order by b.first_path collate "C"
    limit 1
    for update of b skip locked
)
update evo.batches b
set state = 'claimed', execution_id = $4, fence = b.fence + 1, attempt = b.attempt + 1,
    started_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $5)
from next_batch n
where b.batch_id = n.batch_id
returning b.batch_id, b.fence, b.attempt, b.run_id, n.is_taken_over
