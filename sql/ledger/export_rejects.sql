-- purpose: list the open rejects with their content, to be corrected outside of the database
-- parameters: $1 entities text[], $2 run id text or null
-- rows: reject id, entity, path, line number, byte offset, reason, SQLSTATE or null, line; by reject id
-- locks: none
-- idempotent: reads only
select r.reject_id, r.entity, r.path, r.line_number, r.byte_offset, r.reason, r.sqlstate, r.line
from evo.rejects r
where r.entity = any($1) and r.resolved_at is null
  and ($2::text is null or exists (select from evo.objects o where o.object_id = r.object_id and o.run_id = $2))
order by r.reject_id
