-- purpose: list rejected lines, newest first, without their content
-- parameters: $1 entities text[], $2 run id text or null, $3 resolved ones too boolean, $4 limit bigint
-- rows: reject id, entity, path, line number, byte offset, reason, SQLSTATE or null, length of the line in
--       bytes, when it was rejected (UTC, text), is it resolved, has it a corrected text
-- locks: none
-- idempotent: reads only
select
    r.reject_id, r.entity, r.path, r.line_number, r.byte_offset, r.reason, r.sqlstate, octet_length(r.line)::bigint,
    to_char(r.rejected_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), r.resolved_at is not null,
    r.fixed_line is not null
from evo.rejects r
where r.entity = any($1)
  and ($3 or r.resolved_at is null)
  and ($2::text is null or exists (select from evo.objects o where o.object_id = r.object_id and o.run_id = $2))
order by r.reject_id desc
limit $4
