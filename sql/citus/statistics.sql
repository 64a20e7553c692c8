-- purpose: read what the planner's statistics say of each column of some tables
-- parameters: $1 tables without partitions text[]
-- rows: table as given, column, rows of the table, share of nulls 0 to 1, distinct values (below zero: a share of the
--       rows), average bytes
-- locks: none
-- idempotent: reads only
-- For shards, on their servers.
select t.name, s.attname::text, greatest(c.reltuples, 0)::float8, s.null_frac::float8, s.n_distinct::float8, s.avg_width
from unnest($1::text[]) as t (name)
join pg_class c on c.oid = to_regclass(t.name)
join pg_namespace n on n.oid = c.relnamespace
join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname
