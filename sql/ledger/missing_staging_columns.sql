-- purpose: find the columns that evo reads or writes and a staging table lacks
-- parameters: $1 staging tables text[], $2 their columns text[], pairwise
-- rows: table; column, null where the table itself does not exist
-- locks: none
-- idempotent: reads only
select w.table_name, case when to_regclass(w.quoted) is not null then w.column_name end
from (
    select t as table_name, c as column_name, format('%I.%I', split_part(t, '.', 1), substr(t, strpos(t, '.') + 1)) as quoted, n
    from unnest($1::text[], $2::text[]) with ordinality as u (t, c, n)
) w
where not exists (
    select from pg_attribute a
    where a.attrelid = to_regclass(w.quoted) and a.attname = w.column_name and a.attnum > 0 and not a.attisdropped
)
order by w.n
