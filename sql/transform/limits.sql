-- purpose: list the limits of a core table's columns and indexes that a model may exceed
-- parameters: $1 table text
-- rows: column, kind of limit ('index', 'varchar', 'bpchar', 'cut', 'smallint', 'integer', 'numeric', 'float4',
--       'float8', 'seconds', 'date', 'time', 'whole'), bytes, characters, precision or digits of a second,
--       scale; none if there is no such table. NOT NULL columns, in which a value cannot become null, are
--       left out where the server refuses what does not fit
-- locks: none
-- idempotent: reads only
-- An index row of a B-tree holds 2,704 bytes, shared by the texts of the index. A longer value fails the
-- whole insert.
with indexed as (
    select a.attname, min(2600 / s.columns_count)::int as bytes
    from (
        select to_regclass($1) as oid
        union
        select relid from pg_partition_tree(to_regclass($1))
    ) t
    join pg_index i on i.indrelid = t.oid
    join pg_class c on c.oid = i.indexrelid
    join pg_am m on m.oid = c.relam and m.amname = 'btree'
    cross join lateral (
        select count(*) as columns_count from pg_attribute k
        where k.attrelid = i.indrelid and k.attnum = any (i.indkey::int2[]) and k.attlen = -1
    ) s
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[]) and not a.attnotnull
        and a.atttypid in ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype)
    group by a.attname
),
columns as (
    select a.attname::text as name, a.attnotnull, t.typname, b.typmod
    from pg_attribute a
    -- The type below all domains, with the modifier that it has there.
    cross join lateral (
        with recursive below as (
            select a.atttypid as oid, a.atttypmod as typmod
            union all
            select d.typbasetype, d.typtypmod from below join pg_type d on d.oid = below.oid and d.typtype = 'd'
        )
        select below.oid, below.typmod
        from below join pg_type t on t.oid = below.oid and t.typtype <> 'd'
    ) b
    join pg_type t on t.oid = b.oid and t.typnamespace = 'pg_catalog'::regnamespace
    where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
)
select attname::text, 'index', bytes, 0 from indexed
union all
select name, typname::text, typmod - 4, 0 from columns
where typname in ('varchar', 'bpchar') and typmod >= 4 and not attnotnull
union all
select name, 'smallint', 0, 0 from columns where typname = 'int2' and not attnotnull
union all
select name, 'integer', 0, 0 from columns where typname = 'int4' and not attnotnull
union all
-- What follows would be rounded or cut without a word, also where it may not become null.
select name, 'cut', case typname when 'name' then 63 else 1 end, 0 from columns where typname in ('name', 'char')
union all
-- Eleven bits for the scale, the first of them its sign.
select name, 'numeric', ((typmod - 4) >> 16) & 65535, (((typmod - 4) & 2047) # 1024) - 1024
from columns where typname = 'numeric' and typmod >= 4
union all
select name, typname::text, 0, 0 from columns where typname in ('float4', 'float8', 'date', 'time')
union all
select name, 'whole', 0, 0 from columns where typname = 'int8' or typname in ('int2', 'int4') and attnotnull
union all
select name, 'seconds', typmod, 0 from columns where typname in ('timestamp', 'timestamptz') and typmod between 0 and 5
