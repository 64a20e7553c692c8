-- purpose: compare documents with those of the rows that say that they came from these lines
-- parameters: $1 keys of any type text[], $2 content hashes uuid[], $3 line numbers bigint[], $4 times of the
--             keys, read as UTC, timestamptz[], $5 are they UTC boolean[]; of one length, or empty where keys
--             have no time; $6 path text, $7 documents text[]
-- placeholders: {staging} the staging table, {key} its key column, {key_type} its type, {and_event} the
--               condition on the key's time, if it has one
-- rows: numbers of the lines whose document is another
-- locks: none
-- idempotent: reads only
select k.line_no
from unnest($1::{key_type}[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::boolean[], $7::text[])
    as k (key, hash, line_no, event_at, event_utc, doc)
join {staging} s on s.{key} = k.key{and_event}
where s._source_file = $6 and s._source_line = k.line_no and s._content_hash = k.hash
  and s.raw_data is distinct from k.doc::jsonb
