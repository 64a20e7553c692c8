-- purpose: find out of which lines staging has the key
-- parameters: $1 keys of any type text[], $2 content hashes uuid[], $3 line numbers bigint[], $4 times of the
--             keys, read as UTC, timestamptz[], $5 are they UTC boolean[]; of one length, or empty where keys
--             have no time
-- placeholders: {staging} the staging table, {key} its key column, {key_type} its type, {and_event} the
--               condition on the key's time, if it has one
-- rows: line number
-- locks: none
-- idempotent: reads only
select k.line_no
from unnest($1::{key_type}[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::boolean[]) as k (key, hash, line_no, event_at, event_utc)
join {staging} s on s.{key} = k.key{and_event}
where k.hash is not null
