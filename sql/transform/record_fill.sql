-- purpose: record the share of rows in which each column of an entity's core tables is not null
-- placeholders: {generation} the leaf tables (table_name text, part oid)
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: the last measure stays
-- By the planner's statistics, which a full refresh has just gathered: exact up to 30,000 rows, a sample
-- beyond.
insert into evo.column_fill (table_name, column_name, filled, rows_count)
select g.table_name, s.attname, greatest(0, least(1, sum(c.reltuples * (1 - s.null_frac)) / sum(c.reltuples))), sum(c.reltuples)::bigint
from {generation} g (table_name, part)
join pg_class c on c.oid = g.part and c.reltuples > 0
join pg_namespace n on n.oid = c.relnamespace
join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname
group by 1, 2
on conflict (table_name, column_name) do update
set filled = excluded.filled, rows_count = excluded.rows_count, measured_at = now()
