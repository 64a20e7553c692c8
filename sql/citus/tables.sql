-- purpose: say which tables are distributed, and by which column
-- parameters: $1 tables text[]
-- rows: table as given, its distribution column; null where the table is local, empty for a reference table
-- locks: none
-- idempotent: reads only
-- Only for a database that has Citus.
select t.name,
       case when p.logicalrelid is null then null
            else coalesce(column_to_column_name(p.logicalrelid, p.partkey), '') end
from unnest($1::text[]) with ordinality as t (name, place)
left join pg_dist_partition p
    on p.logicalrelid = to_regclass(format('%I.%I', split_part(t.name, '.', 1), substr(t.name, strpos(t.name, '.') + 1)))
   and p.partmethod in ('h', 'n')
order by t.place
