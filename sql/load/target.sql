-- purpose: read the facts about a staging table that a load needs
-- parameters: $1 table text
-- placeholders: {target} the staging table
-- rows: one: whether it holds any row, compression of its documents ('l' lz4, 'p' pglz, empty for the
--       server's default)
-- locks: none
-- idempotent: reads only
-- The limit is for Citus, which would fetch a row for every document.
select
    exists (select 1 from {target} limit 1),
    (select attcompression::text from pg_attribute where attrelid = $1::regclass and attname = 'raw_data')
