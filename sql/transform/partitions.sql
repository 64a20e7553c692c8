-- purpose: the partitions of a core table
-- parameters: $1 table text
-- rows: qualified name, bound as in FOR VALUES …, constraint as an expression (a default partition alone has none), is default; the default partition last
select format('%I.%I', n.nspname, c.relname), pg_get_expr(c.relpartbound, c.oid), coalesce(pg_get_partition_constraintdef(c.oid), 'true'),
       pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.relname::text
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_namespace n on n.oid = c.relnamespace
where i.inhparent = $1::text::regclass
order by 4, 1
