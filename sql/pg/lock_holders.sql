-- purpose: describe who holds an advisory lock
-- parameters: $1 name of the lock text
-- rows: one: a phrase, null when nobody holds it
-- locks: none
-- idempotent: reads only
select string_agg(format('pid %s (%s%s)%s', l.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'),
              ' from ' || host(a.client_addr),
              ' since ' || to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'), '; ' order by l.pid)
from pg_locks l
left join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select oid from pg_database where datname = current_database())
  and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)
