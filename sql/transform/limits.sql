-- purpose: list the limits of a core table's columns and indexes that a model may exceed
-- parameters: $1 table text
-- rows: column, kind of limit ('index', 'text', 'smallint', 'integer', 'numeric'), bytes, characters or
--       precision, scale; none if there is no such table. NOT NULL columns are left out: a value in them
--       cannot become null
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
narrow as (
    select a.attname, t.typname, a.atttypmod - 4 as typmod
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped and not a.attnotnull
      and a.atttypid in ('pg_catalog.varchar'::regtype, 'pg_catalog.bpchar'::regtype, 'pg_catalog.numeric'::regtype,
                         'pg_catalog.int2'::regtype, 'pg_catalog.int4'::regtype)
)
select attname::text, 'index', bytes, 0 from indexed
union all
select attname::text, 'text', typmod, 0 from narrow where typname in ('varchar', 'bpchar') and typmod >= 0
union all
select attname::text, 'smallint', 0, 0 from narrow where typname = 'int2'
union all
select attname::text, 'integer', 0, 0 from narrow where typname = 'int4'
union all
-- A negative scale has bit 10 set; such a column is left to its constraint.
select attname::text, 'numeric', (typmod >> 16) & 65535, typmod & 2047 from narrow where typname = 'numeric' and typmod >= 0
