-- purpose: compare what a model gives with what its core table holds, over a range of parent keys
-- placeholders: {model} the model's select over the range, {typed} its columns in the table's types,
--               {columns} of the table, {table} the core table, {within} the range, as a condition on its
--               rows, {key} the key, {first_key} its first column, {parent} the column with the parent's key,
--               {key_type} its type, {differs} a condition on the values, {differing} the names of the
--               columns that differ, {limit} rows
-- rows: key as text, parent key, class: missing, added or differs; columns that differ, how many such rows
--       there are
-- locks: none
-- idempotent: reads only
select
    concat_ws(',', {key}), {parent}::{key_type},
    case when t.{first_key} is null then 'missing' when f.{first_key} is null then 'added' else 'differs' end,
    case when t.{first_key} is null or f.{first_key} is null then '{}' else array_remove(array[{differing}]::text[], null) end,
    count(*) over ()
from (
    select {typed}
    from (
{model}
    ) m
) f
full join (select {columns} from {table} where {within}) t using ({key})
where t.{first_key} is null or f.{first_key} is null or {differs}
order by 2, 1
limit {limit}
