-- purpose: look up some lines of an object in staging, by key
-- parameters: $1 keys of any type text[], $2 content hashes uuid[], $3 line numbers bigint[], $4 times of the
--             keys, read as UTC, timestamptz[], $5 are they UTC boolean[]; of one length, or empty where keys
--             have no time; $6 path text, $7 the transaction that wrote the object's rows text or null
-- placeholders: {staging} the staging table, {key} its key column, {key_type} its type, {and_event} the
--               condition on the key's time, if it has one, {transaction} of a row
-- rows: one: lines whose key staging has; lines whose row came from this very line; numbers of the lines
--       whose content the row does not have; numbers of the lines whose row says that it came from there, but
--       was written by another transaction
-- locks: none
-- idempotent: reads only
select
    count(*), count(*) filter (where f.is_own),
    coalesce(array_agg(f.line_no) filter (where not f.is_same), '{}'),
    coalesce(array_agg(f.line_no) filter (where f.is_own and f.is_same and f.is_doubtful), '{}')
from (
    select
        k.line_no, s._content_hash is not distinct from k.hash as is_same,
        coalesce(s._source_file = $6 and s._source_line = k.line_no, false) as is_own,
        not coalesce({transaction} = $7::text::xid, false) as is_doubtful
    from unnest($1::{key_type}[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::boolean[]) as k (key, hash, line_no, event_at, event_utc)
    join {staging} s on s.{key} = k.key{and_event}
) f
