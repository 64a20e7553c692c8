-- purpose: read one reject with its content
-- parameters: $1 reject id bigint
-- rows: none, or one: reject id, entity, path, line number, byte offset, reason, SQLSTATE or null, line, corrected
--       line or null
-- locks: none
-- idempotent: reads only
select reject_id, entity, path, line_number, byte_offset, reason, sqlstate, line, fixed_line
from evo.rejects
where reject_id = $1
