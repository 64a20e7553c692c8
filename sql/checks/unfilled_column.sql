-- purpose: every column that a model has filled is still filled by it
-- for: each entity
-- severity: warn
-- when: check
-- hint: the column keeps the values that it had: give it in the model again, or drop it in a migration
select d.table_name || '.' || a.attname
from {definitions} as d (table_name, digest, columns)
join evo.definitions made on made.table_name = d.table_name
join pg_attribute a on a.attrelid = to_regclass(d.table_name) and a.attname = any (made.columns) and not a.attisdropped
where a.attname <> all (d.columns)
order by 1
