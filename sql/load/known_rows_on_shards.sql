-- purpose: fetch what known_rows.sql does from a distributed staging table
-- parameters: $1 batch ids bigint[], $2 paths text[], $3 first time timestamptz, $4 end of the times
--             timestamptz
-- placeholders: {target} the staging table, {sent} the bytes of a row after those of its hash, {is_known_row}
--               as the file of that name
-- rows: one: of each row, the bytes of its content hash, of its time where that is part of the key, and of its
--       key, as the server sends them, bytea[]; null when there is no row
-- locks: none
-- idempotent: reads only
-- The coordinator parses, joins and sends what the shards give: an array for keys and one for hashes took it a
-- fifth more CPU.
select array_agg(uuid_send(t._content_hash) || {sent}) as rows
from {target} t
where {is_known_row}
