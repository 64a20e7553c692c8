-- purpose: find the core tables that lack a column, or have it with another type
-- parameters: $1 tables text[], $2 the column text, $3 its type text
-- rows: table, the type that the column has or null
-- locks: none
-- idempotent: reads only
select t.name, format_type(a.atttypid, a.atttypmod)
from (
    select name, to_regclass(format('%I.%I', split_part(name, '.', 1), substr(name, strpos(name, '.') + 1))) as oid, place
    from unnest($1::text[]) with ordinality as n (name, place)
) t
left join pg_attribute a on a.attrelid = t.oid and a.attname = $2 and not a.attisdropped
where t.oid is not null and format_type(a.atttypid, a.atttypmod) is distinct from $3
order by t.place
