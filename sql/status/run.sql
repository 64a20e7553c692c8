-- purpose: read what one execution recorded of itself
-- parameters: $1 execution id uuid
-- rows: one: arguments, summary or null, error or null, measures or null
-- locks: none
-- idempotent: reads only
select r.arguments, r.summary, r.error, r.measures
from evo.runs r
where r.execution_id = $1
