-- purpose: find the core tables whose column with the key of documents has not the type or the order of the keys
-- parameters: $1 tables text[], $2 the columns text[], $3 the type of the keys text
-- rows: table, column, the type that it has
-- locks: none
-- idempotent: reads only
select t.name, a.attname::text, format_type(a.atttypid, a.atttypmod) || coalesce(format(' collate %I', l.collname), '')
from unnest($1::text[], $2::text[]) as t (name, column_name)
join pg_attribute a
    on a.attrelid = to_regclass(format('%I.%I', split_part(t.name, '.', 1), substr(t.name, strpos(t.name, '.') + 1)))
   and a.attname = t.column_name and not a.attisdropped
left join pg_collation l on l.oid = a.attcollation
where format_type(a.atttypid, a.atttypmod) <> $3 or $3 = 'text' and l.collname is distinct from 'C'
order by t.name
