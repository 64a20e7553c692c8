-- purpose: describe sessions with a snapshot that is older than the new generation, in which that is still
--          empty
-- parameters: $1 moment after the fill timestamptz, $2 first transaction that had not begun then text; both
--             of fill_end.sql
-- rows: a phrase each, without the statement, which may hold values
-- locks: none
-- idempotent: reads only
-- A snapshot from before the fill's end has an xmin below $2, and its transaction began before $1. An xmin
-- below $2 alone would also be that of every new snapshot for as long as some writer from before is at work.
-- Of other roles' sessions xact_start is hidden from who is not a member of pg_read_all_stats, and the xmin
-- has to do. Sessions of evo read core under locks that the swap waits for.
select format('pid %s (%s)%s', a.pid, coalesce(nullif(a.application_name, ''), a.usename),
              ' in a transaction for ' || date_trunc('second', clock_timestamp() - a.xact_start))
from pg_stat_activity a
where a.datname = current_database() and a.usesysid is not null and a.leader_pid is null and a.pid <> pg_backend_pid()
  and coalesce(a.application_name, '') not like 'evo:%'
  and age(a.backend_xmin) > age(($2::text)::xid8::xid)
  and coalesce(a.xact_start <= $1, true)
order by a.pid
