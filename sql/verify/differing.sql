-- purpose: of lines whose row has another content, find out which of the two is newer
-- parameters: $1 keys of any type text[], $2 content hashes uuid[], $3 line numbers bigint[], $4 times of the
--             keys, read as UTC, timestamptz[], $5 are they UTC boolean[]; of one length, or empty where keys
--             have no time; $6 path text, $7 run id text, $8 ingestion date date or null
-- placeholders: {staging} the staging table, {key} its key column, {key_type} its type, {and_event} the
--               condition on the key's time, if it has one, {seen_key} the key as sets of seen keys have it,
--               {seen_place} its place there
-- rows: line number, age of the row against the object (below zero: older), path, line and batch of the row,
--       key and place for sets of seen keys
-- locks: none
-- idempotent: reads only
select
    k.line_no,
    evo.compare_places(
        s.ingestion_date, coalesce(s.run_id, ''), coalesce(s._source_file, ''), $8::date, $7::text, $6::text),
    s._source_file, s._source_line, s._batch_id, {seen_key}, {seen_place}
from unnest($1::{key_type}[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::boolean[]) as k (key, hash, line_no, event_at, event_utc)
join {staging} s on s.{key} = k.key{and_event}
where s._content_hash is distinct from k.hash
