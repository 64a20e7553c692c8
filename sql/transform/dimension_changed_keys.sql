-- purpose: table and first key column of the rows of dimension_changed.sql
-- placeholders: {core} a literal, {staging} table, {key} its key column, {key_type} of the keys of all
--               sources, {batches} an array of ids
-- rows: table name, key
-- locks: none
-- idempotent: reads only
select {core}::text as table_name, {key}::{key_type} as row_key from {staging} where _batch_id = any({batches})
