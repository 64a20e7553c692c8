-- purpose: read what the rows of an entity's tables were made by
-- parameters: $1 entity text
-- rows: table, digest or null for several definitions, the recorded columns that the table still has
-- locks: none
-- idempotent: reads only
select d.table_name, d.digest,
       array(select a.attname::text from pg_attribute a
             join pg_class c on c.oid = a.attrelid
             join pg_namespace n on n.oid = c.relnamespace
             where format('%s.%s', n.nspname, c.relname) = d.table_name and a.attnum > 0 and not a.attisdropped
               and a.attname = any (d.columns)
             order by a.attnum)
from evo.definitions d
where d.entity = $1
order by d.table_name
