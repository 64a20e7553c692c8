-- purpose: find rows that say that they came from a stretch of an object's lines, and did not
-- parameters: $1 keys of any type text[], $2 content hashes uuid[], $3 line numbers bigint[], $4 times of the
--             keys, read as UTC, timestamptz[], $5 are they UTC boolean[]; of one length, or empty where keys
--             have no time; $6 path text, $7 batches that may have loaded the object bigint[], $8 line before
--             the stretch bigint, $9 its last line bigint or null: to the end
-- placeholders: {staging} the staging table, {key} its key column, {key_type} its type, {and_event} the
--               condition on the key's time, if it has one
-- rows: key, line, batch id
-- locks: none
-- idempotent: reads only
select s.{key}::{key_type}, s._source_line, s._batch_id
from {staging} s
left join unnest($1::{key_type}[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::boolean[])
    as k (key, hash, line_no, event_at, event_utc) on s.{key} = k.key{and_event} and s._source_line = k.line_no and k.hash is not null
where s._batch_id = any ($7) and s._source_file = $6 and k.line_no is null
  and (s._source_line > $8 and ($9::bigint is null or s._source_line <= $9)
       or $9::bigint is null and s._source_line is null)
order by 1
limit 1000
