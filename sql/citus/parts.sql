-- purpose: list the shards of tables, with those of their partitions, and the parts of indexes
-- parameters: $1 tables and indexes text[]
-- rows: table or index as given, its part in a shard; none for what is not distributed
-- locks: ACCESS SHARE on partitions, until the transaction ends
-- idempotent: reads only
-- Only for a database that has Citus. shard_name() leaves out the schema public.
select t.name,
       case when c.relnamespace = 'public'::regnamespace then 'public.' else '' end || shard_name(c.oid, s.shardid)
from unnest($1::text[]) as t (name)
cross join lateral (
    select to_regclass(t.name)::oid as oid
    union
    select relid from pg_partition_tree(to_regclass(t.name))
) l
join pg_class c on c.oid = l.oid
left join pg_index x on x.indexrelid = c.oid
join pg_dist_shard s on s.logicalrelid = coalesce(x.indrelid, c.oid)
