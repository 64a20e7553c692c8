-- purpose: the columns of a core table that a model fills
-- parameters: $1 table text
-- rows: column name, is generated, type; in table order
select attname::text, attgenerated <> '', format_type(atttypid, atttypmod)
from pg_attribute
where attrelid = $1::text::regclass and attnum > 0 and not attisdropped
order by attnum
