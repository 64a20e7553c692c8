-- purpose: list the indexes and the constraints of tables, with their definitions
-- parameters: $1 oids of tables bigint[]
-- rows: oid of the table, name, kind (index, primary key, unique, foreign key, check, exclusion), definition, is it
--       valid, and of an index the indexes of its partitions, qualified and quoted where necessary
-- locks: none beyond those of reading the catalog
-- idempotent: reads only
with recursive below as (
    select x.indexrelid as oid, x.indexrelid as part from unnest($1) as w (oid) join pg_index x on x.indrelid = w.oid::oid
    union all
    select b.oid, i.inhrelid from below b join pg_inherits i on i.inhparent = b.part
),
leaf as (
    select b.oid, array_agg(format('%I.%I', n.nspname, p.relname) order by n.nspname, p.relname) as leaves
    from below b
    join pg_class p on p.oid = b.part and p.relkind = 'i'
    join pg_namespace n on n.oid = p.relnamespace
    group by b.oid
),
found as (
    select
        x.indrelid as oid, c.relname::text as name,
        case when x.indisprimary then 'primary key' when x.indisunique then 'unique'
            when x.indisexclusion then 'exclusion' else 'index' end as kind,
        pg_get_indexdef(x.indexrelid) as definition, x.indisvalid as is_valid,
        coalesce(leaf.leaves, '{}') as leaves
    from unnest($1) as w (oid)
    join pg_index x on x.indrelid = w.oid::oid
    join pg_class c on c.oid = x.indexrelid
    left join leaf on leaf.oid = x.indexrelid
    union all
    select
        k.conrelid, k.conname::text, case k.contype when 'f' then 'foreign key' else 'check' end,
        pg_get_constraintdef(k.oid), k.convalidated, '{}'
    from unnest($1) as w (oid)
    join pg_constraint k on k.conrelid = w.oid::oid and k.contype in ('f', 'c')
)
select oid::bigint, name, kind, definition, is_valid, leaves
from found
order by oid, kind collate "C", name collate "C"
