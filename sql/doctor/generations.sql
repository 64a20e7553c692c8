-- purpose: list tables that interrupted full refreshes left, while nobody transforms
-- parameters: $1 entities text[]
-- rows: table, bytes; none while an execution holds the lock of one of the entities
-- locks: ACCESS SHARE for a moment
-- idempotent: reads only
select format('%I.%I', n.nspname, c.relname), coalesce(pg_total_relation_size(c.oid), 0)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('evo_next', 'evo_old') and c.relkind = 'r' and not c.relispartition
  and not exists (
      select from pg_locks l
      join unnest($1::text[]) as e (name)
        on (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('evo:transform:' || e.name, 0)
      where l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and l.database = (select oid from pg_database where datname = current_database()))
order by 1
