-- purpose: what there is to know of a staging table before a load
-- parameters: $1 table text
-- placeholders: {target}
-- rows: one: whether it holds any row, compression of its documents ('l' lz4, 'p' pglz, empty for the server's default)
select
    exists (select from {target}),
    (select attcompression::text from pg_attribute where attrelid = $1::regclass and attname = 'raw_data')
