-- purpose: list the lines whose documents the server does not hold yet: every accepted line, superseded ones
--          too, unless staging has exactly its content. So the server checks every document that it has not
--          checked before
-- placeholders: {verdict} the verdicts, {stage} the stage table, {event} the key's time as timestamptz,
--               {documents} the table with the documents
-- rows: object number, line number, content hash
-- locks: none outside of the session
-- idempotent: reads only
select s.object_no, s.line_no, s.hash
from {stage} s
join {verdict} v on v.key = s.key and v.event_at = {event}
where s.rejected_line is null
  and v.known_hash is distinct from s.hash
  and not exists (select 1 from {documents} d where d.object_no = s.object_no and d.line_no = s.line_no)
