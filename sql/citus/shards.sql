-- purpose: list the shards of distributed tables, and the servers that have them
-- parameters: $1 tables text[], qualified and quoted
-- rows: place of the table in $1 from 1 int, place of the shard among those of its table from 1 int, the shard's
--       name, host, port int. Shards at one place hold the same keys if their tables are co-located
-- locks: none
-- idempotent: reads only
-- Only for a database that has Citus.
select t.place::int, s.place::int, shard_name(s.logicalrelid, s.shardid), n.nodename, n.nodeport
from unnest($1::text[]) with ordinality as t (name, place)
join (
    select logicalrelid, shardid, row_number() over (partition by logicalrelid order by shardminvalue::int) as place
    from pg_dist_shard
) s on s.logicalrelid = t.name::regclass
join pg_dist_placement p on p.shardid = s.shardid and p.shardstate = 1
join pg_dist_node n on n.groupid = p.groupid and n.noderole = 'primary'
order by 2, 1
