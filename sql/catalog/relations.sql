-- purpose: list the tables of some schemas, those elsewhere that are declared, and the views of all schemas that
--          people made and no extension
-- parameters: $1 schemas text[], $2 declared tables, not quoted text[]
-- rows: one for each table and view that is no partition: oid, schema, name, both quoted where necessary, kind (r, p,
--       v, m or f), comment, rows as the planner estimates them (null: unknown), how many partitions
-- locks: none beyond those of reading the catalog
-- idempotent: reads only
-- pg_partition_tree() would lock every partition until the end of the transaction.
with recursive below as (
    select oid, oid as part from pg_class where relkind = 'p' and not relispartition
    union all
    select b.oid, i.inhrelid from below b join pg_inherits i on i.inhparent = b.part
),
leaf as (
    select b.oid, count(*) as partitions, sum(nullif(p.reltuples, -1)) as rows
    from below b
    join pg_class p on p.oid = b.part and p.relkind <> 'p'
    group by b.oid
)
select
    c.oid::bigint, n.nspname::text, c.relname::text, format('%I.%I', n.nspname, c.relname), c.relkind::text,
    obj_description(c.oid, 'pg_class'),
    case when c.relkind = 'p' then leaf.rows else nullif(c.reltuples, -1) end::bigint,
    coalesce(leaf.partitions, 0)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join leaf on leaf.oid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
  and (n.nspname = any($1) or n.nspname || '.' || c.relname = any($2)
    or c.relkind in ('v', 'm') and n.nspname not in ('evo', 'pg_catalog', 'information_schema')
       and n.nspname !~ '^pg_(toast|temp)'
       and not exists (select from pg_depend d
           where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))
order by n.nspname collate "C", c.relname collate "C"
