-- purpose: list what people made that reads tables, views or columns: views, functions and procedures
-- parameters: $1 oids of tables and views bigint[]
-- rows: oid that is read, column (null: the whole), oid of the reader, its schema, name and kind (v, m, f or p),
--       the name quoted where necessary; views on views included
-- locks: none beyond those of reading the catalog
-- idempotent: reads only
-- A function depends on what it reads only if its body is SQL (begin atomic, return); in a string it is a text.
with recursive reader as (
    select d.refobjid, d.refobjsubid, c.oid, c.relnamespace as namespace, c.relname as name, c.relkind::text as kind
    from pg_depend d
    join pg_rewrite r on r.oid = d.objid
    join pg_class c on c.oid = r.ev_class and c.relkind in ('v', 'm')
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid
    union
    select d.refobjid, d.refobjsubid, p.oid, p.pronamespace, p.proname, case p.prokind when 'p' then 'p' else 'f' end
    from pg_depend d
    join pg_proc p on p.oid = d.objid
    where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_class'::regclass
),
reached as (
    select r.*
    from unnest($1) as w (oid)
    join reader r on r.refobjid = w.oid::oid
    union
    select r.*
    from reached f
    join reader r on r.refobjid = f.oid and f.kind in ('v', 'm')
)
select distinct
    f.refobjid::bigint, a.attname::text collate "C", f.oid::bigint, n.nspname::text collate "C", f.name::text collate "C",
    f.kind, format('%I.%I', n.nspname, f.name)
from reached f
join pg_namespace n on n.oid = f.namespace
left join pg_attribute a on a.attrelid = f.refobjid and a.attnum = f.refobjsubid and f.refobjsubid > 0
where n.nspname not in ('evo', 'pg_catalog', 'information_schema')
order by 4, 5, 1, 2
