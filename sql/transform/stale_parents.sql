-- purpose: find partitioned tables whose own statistics are missing, or off by a tenth of their rows
-- parameters: $1 tables text[], $2 rows of each that were just written bigint[]
-- rows: table, quoted. Autovacuum looks after the partitions, never after their parent
-- locks: none
-- idempotent: reads only
select p.oid::regclass::text
from unnest($1::text[], $2::bigint[]) as t (name, changed)
join pg_class p on p.oid = t.name::regclass and p.relkind = 'p'
cross join lateral (
    -- As of each partition's own last vacuum or analyze.
    select sum(greatest(c.reltuples, 0)) as rows from pg_partition_tree(p.oid) l join pg_class c on c.oid = l.relid where l.isleaf
) leaf
where p.reltuples < 0
   or abs(p.reltuples - leaf.rows) > leaf.rows / 10
   -- A full refresh writes every row, and its partitions were counted just now.
   or (t.changed > p.reltuples / 10 and t.changed < leaf.rows)
order by leaf.rows desc
