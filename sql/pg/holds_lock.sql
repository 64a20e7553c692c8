-- purpose: find out whether a server process holds an advisory lock
-- parameters: $1 process id int, $2 when the process began, in microseconds since 1970, bigint or null when
--             that was hidden, $3 name of the lock text
-- rows: one: boolean
-- locks: none
-- idempotent: reads only; process ids are used again, so the begin of the process counts, where it is shown
select exists (
    select from pg_catalog.pg_locks
    where locktype = 'advisory' and granted and objsubid = 1 and pid = $1
      and database = (select oid from pg_catalog.pg_database where datname = current_database())
      and (classid::bigint << 32 | objid::bigint) = hashtextextended($3, 0)
      and coalesce((select (extract(epoch from backend_start) * 1000000)::bigint
                    from pg_stat_get_activity($1)) = $2, true)
)
