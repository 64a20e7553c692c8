-- purpose: record how an execution ended
-- parameters: $1 execution id uuid, $2 state text, $3 exit code int, $4 summary jsonb, $5 error text or null,
--             $6 measures jsonb
-- rows: none
-- locks: the execution's row, until commit
-- idempotent: a repetition after a lost reply writes the same
update evo.runs r
set state = $2, exit_code = $3, summary = $4, error = $5, measures = $6, finished_at = ended.at, seen_at = ended.at
from (select clock_timestamp() as at) ended
where r.execution_id = $1
