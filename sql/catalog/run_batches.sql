-- purpose: list the latest batches of some executions
-- parameters: $1 ids of executions uuid[], $2 at most how many of each bigint
-- rows: id as text, batch, entity, run, lines, rejected lines, bytes, attempt, milliseconds from the start of the
--       execution to its start and to its commit, timings as jsonb or null; in the order of their starts
-- locks: none
-- idempotent: reads only
select
    r.execution_id::text, b.batch_id, b.entity, b.run_id, b.lines_count, b.rejected_count, b.bytes, b.attempt,
    round(extract(epoch from b.started_at - r.started_at) * 1000)::bigint,
    round(extract(epoch from b.committed_at - r.started_at) * 1000)::bigint, b.timings
from evo.runs r
cross join lateral (
    select * from evo.batches b
    where b.execution_id = r.execution_id and b.state = 'committed'
    order by b.committed_at desc, b.batch_id desc
    limit $2
) b
where r.execution_id = any($1)
order by 1, b.started_at, b.batch_id
