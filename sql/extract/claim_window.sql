-- purpose: claim the next window of an extraction: a planned one, one whose holder's lease has expired or
--          whose holder has ended, or one that this execution has claimed without receiving the reply
-- parameters: $1 extraction id bigint, $2 execution id uuid, $3 lease in seconds double precision, $4
--             windows that it holds bigint[]
-- rows: none when there is nothing to take now; else window_id, fence, attempt, query, from_day, until_day,
--       drifts_count, pages_count, records_count, objects, parts_count, progress, taken over from another
--       execution
-- locks: the window's row, until the end of this short transaction; `skip locked` lets rivals pass
-- idempotent: no; an answer that was lost is found again, because the window is not among those that the
--             execution holds
-- To ask whether an execution runs reads every lock of the server, so each is asked about once.
with rivals as materialized (
    select distinct w.execution_id
    from evo.windows w
    where w.extraction_id = $1 and w.state = 'claimed' and w.execution_id <> $2
),
ended as materialized (
    select r.execution_id from rivals r where not evo.is_running(r.execution_id)
),
next_window as (
    select w.window_id, w.state = 'claimed' and w.execution_id <> $2 as is_taken_over
    from evo.windows w
    where w.extraction_id = $1 and w.state in ('planned', 'claimed')
      and case
          when w.state = 'planned' then true
          when w.execution_id = $2 then w.window_id <> all ($4)
          else w.lease_until < clock_timestamp()
              or (w.execution_id in (select e.execution_id from ended e) and evo.is_running($2))
      end
    order by w.window_id
    limit 1
    for update of w skip locked
)
update evo.windows w
set state = 'claimed', execution_id = $2, fence = w.fence + 1, attempt = w.attempt + 1,
    started_at = coalesce(w.started_at, clock_timestamp()), lease_until = clock_timestamp() + make_interval(secs => $3)
from next_window n
where w.window_id = n.window_id
returning w.window_id, w.fence, w.attempt, w.query, w.from_day, w.until_day, w.drifts_count, w.pages_count,
    w.records_count, w.objects, w.parts_count, w.progress, n.is_taken_over
