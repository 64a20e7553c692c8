-- purpose: stage the documents of a test
-- parameters: $1 keys of any type text[], $2 times of the keys, read as UTC, timestamptz[], $3 are they UTC
--             boolean[], $4 line numbers bigint[], $5 documents text[]; of one length, or empty where keys have
--             no time; $6 the test's file text
-- placeholders: {key_columns} of staging, {key_type} the type of the first, {key_values} of a document
-- rows: none
-- locks: none outside of the session
-- idempotent: no; the table is gone with the transaction
insert into evo_example ({key_columns}, raw_data, _source_file, run_id, ingestion_date, _loaded_at, _updated_at, _source_line)
select {key_values}, d.document::jsonb, $6, 'test', '2000-01-01', '2000-01-01Z', '2000-01-01Z', d.line
from unnest($1::{key_type}[], $2::timestamptz[], $3::boolean[], $4::bigint[], $5::text[])
    as d (key, event_at, event_utc, line, document)
