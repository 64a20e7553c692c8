-- purpose: table and first key column of the rows of dimension_changed.sql
-- placeholders: {core} a literal, {staging} table, {key} its key column, {batches} an array of ids
-- rows: table name, key
-- locks: none
-- idempotent: reads only
select {core}::text as table_name, {key} as row_key from {staging} where _batch_id = any({batches})
