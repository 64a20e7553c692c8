-- purpose: record how an execution ended
-- parameters: $1 execution id uuid, $2 state text, $3 exit code int, $4 summary jsonb, $5 error text or null
update evo.runs
set state = $2, exit_code = $3, summary = $4, error = $5, finished_at = clock_timestamp()
where execution_id = $1
