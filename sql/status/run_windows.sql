-- purpose: list the windows of one execution, those that failed first, then the latest
-- parameters: $1 execution id uuid, $2 at most how many bigint
-- rows: a window of an extraction as jsonb
-- locks: none
-- idempotent: reads only
select jsonb_build_object(
    'window_id', w.window_id, 'entity', w.entity, 'query', w.query, 'from', w.from_day, 'until', w.until_day,
    'state', w.state, 'attempt', w.attempt, 'pages', w.pages_count, 'requests', w.requests_count,
    'records', w.records_count, 'reason', w.reason, 'started_at', w.started_at, 'finished_at', w.finished_at)
from evo.windows w
where w.execution_id = $1 or w.finished_by = $1
order by w.state <> 'failed', coalesce(w.finished_at, w.started_at) desc, w.window_id desc
limit $2
