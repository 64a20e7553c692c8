-- purpose: record in the verdicts where the documents are that were sent after the keys
-- placeholders: {verdict} the verdicts, {documents} the table with the documents
-- rows: none
-- locks: none outside of the session
-- idempotent: a repetition writes the same
update {verdict} v set stage_row = d.ctid
from {documents} d
where d.object_no = v.object_no and d.line_no = v.line_no and v.verdict in ('new', 'changed')
