-- purpose: list executions, the newest first
-- parameters: $1 only this execution uuid or null, $2 only those that failed, were interrupted or fell silent
--             boolean, $3 only those that ran since then timestamptz or null, $4 at most how many bigint
-- rows: a row of evo.v_runs, as jsonb
-- locks: none
-- idempotent: reads only
select to_jsonb(v)
from evo.v_runs v
where ($1::uuid is null or v.execution_id = $1)
  and (not $2 or v.state in ('failed', 'interrupted', 'silent'))
  and ($3::timestamptz is null or coalesce(v.finished_at, v.seen_at, v.started_at) >= $3)
order by v.started_at desc, v.execution_id desc
limit $4
