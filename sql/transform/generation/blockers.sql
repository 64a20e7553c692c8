-- purpose: who holds a lock on core tables that keeps the swap waiting
-- parameters: $1 tables text[]
-- rows: one line each, without the statement, which may hold values
select distinct format('pid %s (%s) in a transaction for %s', a.pid, coalesce(nullif(a.application_name, ''), a.usename),
                       date_trunc('second', clock_timestamp() - a.xact_start))
from pg_locks l
join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'relation' and l.granted and l.database = (select oid from pg_database where datname = current_database())
  and l.relation in (select x::regclass from unnest($1::text[]) x union select i.inhrelid from pg_inherits i where i.inhparent in (select x::regclass from unnest($1::text[]) x))
  and l.pid <> pg_backend_pid()
order by 1
