-- purpose: file a document that the warehouse refused
-- parameters: $1 entity text, $2 table text, $3 key of the document, of any type, text, $4 column, constraint
--             or function text, $5 reason text, $6 execution id uuid
-- placeholders: {rows} the staged documents, {staging_key} their key, {key_type} its type, {key_part} the key
--               as a part of key_text
-- rows: none
-- locks: the row that it writes, until commit
-- idempotent: one row per table, document and what refused it; seen again it is updated
insert into evo.issues (entity, table_name, key_text, column_name, raw_value, reason, execution_id, source_file, source_line)
select $1, $2, {key_part}, $4, '', $5, $6, min(s._source_file), min(s._source_line)
from {rows} s
where s.{staging_key} = $3::{key_type}
on conflict (table_name, key_text, column_name) do update
set raw_value = excluded.raw_value, reason = excluded.reason, execution_id = excluded.execution_id,
    source_file = excluded.source_file, source_line = excluded.source_line, last_seen_at = clock_timestamp()
