-- purpose: list the columns of a dimension's table
-- parameters: $1 table text
-- rows: column name, type, is it a text in another collation than "C"
-- locks: none
-- idempotent: reads only
select a.attname::text, format_type(a.atttypid, null), c.collname is distinct from 'C' and a.attcollation <> 0
from pg_attribute a
left join pg_collation c on c.oid = a.attcollation
where a.attrelid = to_regclass($1::text) and a.attnum > 0 and not a.attisdropped
