-- purpose: find the faults of a staging table that keep evo from writing or reading it
-- parameters: $1 table text, $2 the columns that evo reads or writes text[], $3 the types that each may have,
--             separated by commas, empty for any text[], $4 the key columns text[]
-- rows: the fault ('table', 'kind', 'column', 'type', 'collation', 'given', 'rule', 'key', 'child'); the name of the
--       column, rule or child table that it is about; the column's type
-- locks: none
-- idempotent: reads only
with target as (
    select c.oid, c.relkind
    from pg_class c
    where c.oid = to_regclass(format('%I.%I', split_part($1::text, '.', 1),
                                     substr($1::text, strpos($1::text, '.') + 1)))
),
found as (
    select a.attname::text as name, a.attcollation, a.attnotnull, a.atthasdef or a.attidentity <> '' as is_filled,
           format_type(a.atttypid, a.atttypmod) as shown,
           format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null) as base
    from target
    join pg_attribute a on a.attrelid = target.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
),
fault as (
    select 1 as place, 'table' as fault, $1::text as name, null::text as shown
    where not exists (select from target)
    union all
    select 1, 'kind', null, case target.relkind when 'v' then 'a view' when 'm' then 'a materialized view'
        when 'f' then 'a foreign table' else 'no table' end from target where target.relkind not in ('r', 'p')
    union all
    select 1 + w.place, 'column', w.name, null
    from unnest($2::text[]) with ordinality as w (name, place)
    where exists (select from target) and not exists (select from found f where f.name = w.name)
    union all
    select 100 + w.place, 'type', w.name, f.shown
    from unnest($2::text[], $3::text[]) with ordinality as w (name, types, place)
    join found f on f.name = w.name
    where w.types <> '' and f.base <> all (string_to_array(w.types, ','))
    union all
    -- evo compares and sorts texts by their bytes, and an index of another order serves neither.
    select 150, 'collation', f.name, f.shown
    from found f
    where f.name = ($4::text[])[1] and f.shown = 'text' and f.attcollation <> 'pg_catalog."C"'::regcollation
    union all
    select 200, 'given', f.name, f.shown
    from found f
    where f.attnotnull and not f.is_filled and f.name <> all ($2::text[])
    union all
    -- INSERT … ON CONFLICT refuses a table with INSERT or UPDATE rules.
    select 300, 'rule', r.rulename::text, null
    from pg_rewrite r
    join target on r.ev_class = target.oid
    where r.ev_type in ('2', '3', '4')
    union all
    select 400, 'key', null, null
    from target
    where target.relkind in ('r', 'p') and not exists (
        select from pg_index i
        where i.indrelid = target.oid and i.indisunique and i.indisvalid and i.indimmediate
          and i.indpred is null and i.indexprs is null and i.indnkeyatts = cardinality($4::text[])
          and (select array_agg(a.attname::text order by a.attname::text)
               from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
               where k.place <= i.indnkeyatts) = (select array_agg(c order by c) from unnest($4::text[]) c)
    )
    union all
    -- Who reads this table also reads the rows of a table that inherits from it, but no key covers them.
    select 500, 'child', i.inhrelid::regclass::text, null
    from target
    join pg_inherits i on i.inhparent = target.oid
    where target.relkind = 'r'
)
select fault, name, shown from fault order by place, name
