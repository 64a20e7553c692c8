-- purpose: refused lines, newest first, without their content
-- parameters: $1 entities text[], $2 run id text or null, $3 also resolved ones boolean, $4 limit bigint
-- rows: reject id, entity, path, line, byte offset, reason, sqlstate, bytes, rejected at (UTC, text), is resolved, has a fix
select
    r.reject_id, r.entity, r.path, r.line_number, r.byte_offset, r.reason, r.sqlstate, octet_length(r.line)::bigint,
    to_char(r.rejected_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), r.resolved_at is not null, r.fixed_line is not null
from evo.rejects r
where r.entity = any($1)
  and ($3 or r.resolved_at is null)
  and ($2::text is null or exists (select from evo.objects o where o.object_id = r.object_id and o.run_id = $2))
order by r.reject_id desc
limit $4
