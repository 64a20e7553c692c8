-- purpose: list the rows that the verdicts want to write, in key order
-- placeholders: {verdict} the verdicts
-- rows: position of the verdict as text, object number, line number
-- locks: none outside of the session
-- idempotent: reads only
select ctid::text, object_no, line_no
from {verdict}
where verdict in ('new', 'changed')
order by key, event_at
