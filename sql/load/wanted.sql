-- purpose: the lines whose documents the server does not hold yet: every accepted line, also one that is beaten, unless
--          staging has exactly its content. So the server judges every document that it has not judged before
-- placeholders: {stage}, {event} the key's time as timestamptz
-- rows: object_no, line_no, content hash
select s.object_no, s.line_no, s.hash
from {stage} s
join evo_verdict v on v.key = s.key and v.event_at = {event}
where s.refused is null
  and v.known_hash is distinct from s.hash
  and not exists (select from evo_document d where d.object_no = s.object_no and d.line_no = s.line_no)
