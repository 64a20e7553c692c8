-- purpose: read how large a table is, without reading the table
-- parameters: $1 table text
-- rows: one: rows as the planner knows them (0 when it does not), bytes with indexes and TOAST, blocks of the
--       table itself; of a partitioned table those of its partitions. Whether the database has Citus: of a
--       distributed table its shards have to be asked
-- locks: none
-- idempotent: reads only
select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint,
       coalesce(sum(pg_relation_size(c.oid)), 0)::bigint / current_setting('block_size')::bigint,
       to_regclass('pg_catalog.pg_dist_shard') is not null
from (
    select $1::text::regclass::oid as oid
    union
    select relid from pg_partition_tree($1::text::regclass)
) t
join pg_class c on c.oid = t.oid and c.relkind <> 'p'
