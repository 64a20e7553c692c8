-- purpose: read how large tables are in all, without reading them
-- parameters: $1 tables without partitions text[]
-- rows: one: rows as the planner knows them (0 when it does not), bytes with indexes and TOAST, blocks of the tables
--       themselves
-- locks: ACCESS SHARE for a moment
-- idempotent: reads only
-- For shards, on their servers.
select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint,
       (coalesce(sum(pg_relation_size(c.oid)), 0) / current_setting('block_size')::bigint)::bigint
from unnest($1::text[]) as t (name)
join pg_class c on c.oid = to_regclass(t.name) and c.relkind = 'r'
