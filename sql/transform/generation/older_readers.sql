-- purpose: describe sessions with a snapshot that is older than the new generation, to which that would look
--          empty
-- parameters: $1 moment after the fill timestamptz, $2 first transaction that had not begun then text; both
--             of fill_end.sql
-- rows: a phrase each, without the statement, which may hold values
-- locks: none
-- idempotent: reads only
-- A snapshot from before the fill's end has an xmin below $2, and its transaction began before $1. The xmin
-- alone does not decide: as long as a writer from before the fill is at work, every new snapshot has one below
-- $2. If this role is not a member of pg_read_all_stats, it cannot see the xact_start of other roles' sessions,
-- and the xmin has to do. Sessions of evo are left out: they read core under locks that the swap waits for.
select format('pid %s (%s)%s', a.pid, coalesce(nullif(a.application_name, ''), a.usename),
              ' in a transaction for ' || date_trunc('second', clock_timestamp() - a.xact_start))
from pg_stat_activity a
where a.datname = current_database() and a.usesysid is not null and a.leader_pid is null and a.pid <> pg_backend_pid()
  and coalesce(a.application_name, '') not like 'evo:%'
  and age(a.backend_xmin) > age(($2::text)::xid8::xid)
  and coalesce(a.xact_start <= $1, true)
order by a.pid
