-- purpose: read the corrected texts for lines of a batch's objects
-- parameters: $1 object ids bigint[]
-- rows: object id, line number, corrected line
-- locks: none
-- idempotent: reads only
select object_id, line_number, fixed_line
from evo.rejects
where object_id = any($1) and fixed_line is not null
