-- purpose: reject lines whose rows the staging table refuses, each with the reason
-- parameters: $1 object numbers int[], $2 line numbers bigint[], $3 reasons text[], $4 SQLSTATEs text[]; of one
--             length
-- placeholders: {stage} the stage table, with documents as text
-- rows: none
-- locks: none outside of the session
-- idempotent: a rejected line is not rejected again
update {stage} s
set rejected_line = convert_to(s.doc, 'UTF8'), reason = r.reason, sqlstate = r.sqlstate, doc = null
from unnest($1::int[], $2::bigint[], $3::text[], $4::text[]) as r (object_no, line_no, reason, sqlstate)
where s.object_no = r.object_no and s.line_no = r.line_no and s.rejected_line is null
