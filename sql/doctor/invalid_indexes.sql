-- purpose: list the INVALID indexes of evo's schemas that nobody is building
-- parameters: $1 schemas text[]
-- rows: index, bytes
-- locks: ACCESS SHARE for a moment
-- idempotent: reads only
select format('%I.%I', n.nspname, c.relname), coalesce(pg_relation_size(c.oid), 0)
from pg_index x
join pg_class c on c.oid = x.indexrelid and c.relkind = 'i'
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any ($1) and not x.indisvalid
  and not exists (select from pg_stat_progress_create_index b
      where b.datname = current_database() and b.relid = x.indrelid)
order by 1
