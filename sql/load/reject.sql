-- purpose: store every rejected line verbatim, in the batch's transaction
-- parameters: $1 entity text, $2 object ids bigint[], $3 batch id bigint, $4 paths text[]; the arrays by
--             object number
-- placeholders: {stage} the stage table
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: an object that is loaded again files its lines again, in the same rows
insert into evo.rejects (entity, object_id, batch_id, path, line_number, byte_offset, line, reason, sqlstate)
select $1, ($2::bigint[])[object_no + 1], $3, ($4::text[])[object_no + 1], line_no, byte_offset,
       rejected_line, reason, sqlstate
from {stage}
where rejected_line is not null
on conflict (object_id, line_number) do update
set batch_id = excluded.batch_id, byte_offset = excluded.byte_offset, line = excluded.line, reason = excluded.reason,
    sqlstate = excluded.sqlstate, rejected_at = clock_timestamp(), resolved_at = null
