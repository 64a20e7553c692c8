-- purpose: whether a server process holds an advisory lock
-- parameters: $1 int4 pid, $2 int8 when the process began, in microseconds since 1970, null when that was hidden; $3 text name
--             of the lock
-- rows: one: boolean
-- locks: none
-- idempotent: reads only; the process is named beyond doubt, as far as its begin is shown: pids are used again
select exists (
    select from pg_catalog.pg_locks
    where locktype = 'advisory' and granted and objsubid = 1 and pid = $1
      and database = (select oid from pg_catalog.pg_database where datname = current_database())
      and (classid::bigint << 32 | objid::bigint) = hashtextextended($3, 0)
      and coalesce((select (extract(epoch from backend_start) * 1000000)::bigint from pg_stat_get_activity($1)) = $2, true)
)
