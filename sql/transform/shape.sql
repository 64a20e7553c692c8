-- purpose: list the columns of a core table
-- parameters: $1 table text
-- rows: column name, is it generated, type, must an insert give it a value, its sequence where it is an
--       identity, is its default the time of the transaction, the type below its domains; in table order
-- locks: none
-- idempotent: reads only
select a.attname::text, a.attgenerated <> '', format_type(a.atttypid, a.atttypmod),
       (a.attnotnull or t.typnotnull) and not a.atthasdef and a.attidentity = '' and t.typdefault is null,
       case when a.attidentity <> '' then pg_get_serial_sequence($1::text::regclass::text, a.attname) end,
       coalesce(pg_get_expr(d.adbin, d.adrelid) in ('now()', 'CURRENT_TIMESTAMP'), false),
       b.name
from pg_attribute a
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
cross join lateral (
    with recursive below as (
        select a.atttypid as oid, a.atttypmod as typmod
        union all
        select u.typbasetype, u.typtypmod from below join pg_type u on u.oid = below.oid and u.typtype = 'd'
    )
    select format_type(below.oid, below.typmod) as name
    from below join pg_type u on u.oid = below.oid and u.typtype <> 'd'
) b
where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum
