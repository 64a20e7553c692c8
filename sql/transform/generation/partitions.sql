-- purpose: list the partitions of a table that hold rows: the leaves below it, however deep somebody has
--          divided it
-- parameters: $1 table text
-- rows: qualified name, schema, name, bound as in FOR VALUES …, constraint as an expression with those of all
--       levels above, kind as in relkind, the table of which it is a partition; and of the partition of $1
--       that it is or belongs to: name, bound, is it the default one, constraint. Those of the default
--       partition last. One that is being detached concurrently is left out
-- locks: none
-- idempotent: reads only
with recursive tree as (
    select i.inhrelid as oid, i.inhparent as parent, i.inhrelid as top
    from pg_inherits i
    where i.inhparent = $1::text::regclass and not i.inhdetachpending
    union all
    select i.inhrelid, i.inhparent, t.top
    from tree t
    join pg_inherits i on i.inhparent = t.oid and not i.inhdetachpending
)
select format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text, pg_get_expr(c.relpartbound, c.oid),
       -- a default partition that stands alone has no constraint
       coalesce(pg_get_partition_constraintdef(c.oid), 'true'), c.relkind::text,
       (select format('%I.%I', pn.nspname, p.relname) from pg_class p join pg_namespace pn on pn.oid = p.relnamespace where p.oid = t.parent),
       top.relname::text, pg_get_expr(top.relpartbound, top.oid), pg_get_expr(top.relpartbound, top.oid) = 'DEFAULT',
       coalesce(pg_get_partition_constraintdef(top.oid), 'true')
from tree t
join pg_class c on c.oid = t.oid and c.relkind <> 'p'
join pg_namespace n on n.oid = c.relnamespace
join pg_class top on top.oid = t.top
order by 10, pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', 1
