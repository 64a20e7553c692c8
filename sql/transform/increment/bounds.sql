-- purpose: find the keys at which a large batch, or all batches together, are divided
-- parameters: $1 batch ids bigint[], $2 rows per chunk bigint
-- placeholders: {key} the staging key, {table} the staging table
-- rows: key as text; ascending
-- locks: none
-- idempotent: reads only
select {key}::text as bound from (
    select {key}, row_number() over (order by {key}) as n from {table} where _batch_id = any ($1::bigint[])
) numbered
where n % $2 = 0
order by {key}
