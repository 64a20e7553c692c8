-- purpose: the keys at which a large batch is cut
-- parameters: $1 batch id bigint, $2 rows per chunk bigint
-- placeholders: {key}, {table}
-- rows: key, ascending
select {key}::text as bound from (
    select {key}, row_number() over (order by {key}) as n from {table} where _batch_id = $1
) numbered
where n % $2 = 0
order by {key}
