-- purpose: partitioned tables whose own statistics are missing, or of a tenth more or fewer rows than their partitions have now
-- parameters: $1 tables text[]
-- rows: table, quoted. Autovacuum looks after the partitions, never after their parent
select p.oid::regclass::text
from pg_class p
cross join lateral (
    select sum(greatest(c.reltuples, 0)) as rows from pg_partition_tree(p.oid) t join pg_class c on c.oid = t.relid where t.isleaf
) leaf
where p.oid in (select x::regclass from unnest($1::text[]) x)
  and p.relkind = 'p'
  and (p.reltuples < 0 or abs(p.reltuples - leaf.rows) > leaf.rows / 10)
order by leaf.rows desc
