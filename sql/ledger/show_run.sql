-- purpose: show that an execution is alive, and what it has counted so far
-- parameters: $1 execution id uuid, $2 measures jsonb
-- rows: none
-- locks: the execution's row, until commit
-- idempotent: yes; a row whose end is recorded stays as it is
update evo.runs
set seen_at = clock_timestamp(), measures = $2
where execution_id = $1 and state = 'running'
