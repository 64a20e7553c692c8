-- purpose: give the share of rows in which each column of an entity's core tables has a value, by the planner's
--          statistics, as a relation
-- placeholders: {generation} the leaf tables (table_name text, part oid)
-- rows: table, column, rows, share of values, 0 to 1
-- locks: none
-- idempotent: reads only
-- Exact up to 30,000 rows where the tables were just analyzed, a sample beyond.
select g.table_name, s.attname::text as column_name, sum(c.reltuples) as rows_count,
       sum(c.reltuples * (1 - s.null_frac)) / sum(c.reltuples) as filled
from {generation} g (table_name, part)
join pg_class c on c.oid = g.part and c.reltuples > 0
join pg_namespace n on n.oid = c.relnamespace
join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname
group by 1, 2
