-- purpose: list the lines of an object that are rejected and not resolved
-- parameters: $1 object id bigint
-- rows: line number
-- locks: none
-- idempotent: reads only
select line_number from evo.rejects where object_id = $1 and resolved_at is null
