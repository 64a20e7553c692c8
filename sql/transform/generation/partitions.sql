-- purpose: the partitions of a table
-- parameters: $1 table text
-- rows: qualified name, schema, name, bound as in FOR VALUES …, constraint as an expression, is default; the default partition last
select format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text, pg_get_expr(c.relpartbound, c.oid),
       -- a default partition that stands alone has no constraint
       coalesce(pg_get_partition_constraintdef(c.oid), 'true'), pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_namespace n on n.oid = c.relnamespace
where i.inhparent = $1::text::regclass
order by 6, 1
