-- purpose: store rejected lines verbatim that were held back while the others went straight into the staging
--          table
-- parameters: $1 entity text, $2 batch id bigint, $3 object ids bigint[], $4 paths text[], $5 line numbers
--             bigint[], $6 byte offsets bigint[], $7 lines bytea[], $8 reasons text[], $9 SQLSTATEs text[];
--             the arrays are of one length
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: an object that is loaded again files its lines again, in the same rows
insert into evo.rejects (entity, object_id, batch_id, path, line_number, byte_offset, line, reason, sqlstate)
select $1, object_id, $2, path, line_number, byte_offset, line, reason, sqlstate
from unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[], $8::text[], $9::text[])
    as r (object_id, path, line_number, byte_offset, line, reason, sqlstate)
on conflict (object_id, line_number) do update
set batch_id = excluded.batch_id, byte_offset = excluded.byte_offset, line = excluded.line, reason = excluded.reason,
    sqlstate = excluded.sqlstate, rejected_at = clock_timestamp(), resolved_at = null
