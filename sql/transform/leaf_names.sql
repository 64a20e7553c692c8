-- purpose: name the leaf tables of an entity's core tables
-- placeholders: {generation} the leaf tables (table_name text, part oid)
-- rows: table, leaf; qualified and quoted where necessary
-- locks: none
-- idempotent: reads only
select g.table_name, format('%I.%I', n.nspname, c.relname)
from {generation} g (table_name, part)
join pg_class c on c.oid = g.part
join pg_namespace n on n.oid = c.relnamespace
