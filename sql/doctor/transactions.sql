-- purpose: find transactions that have been open for long, prepared ones and others
-- parameters: $1 seconds for a prepared one bigint, $2 for an idle one bigint, $3 for any bigint, $4 evo's
--             schemas text[]
-- rows: a phrase, without the statement, which may hold values; name of a prepared transaction as SQL writes it,
--       else null; process id, else null; seconds since it began; does it hold a lock on one of evo's tables
-- locks: none
-- idempotent: reads only
-- Sessions of evo, and those that clean up by themselves (autovacuum, replication), are left out. Of other roles'
-- sessions the beginning is hidden from who is not a member of pg_read_all_stats.
with ours as (
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any ($4)
), held as (
    select distinct l.pid, l.virtualtransaction
    from pg_locks l
    join ours o on o.oid = l.relation
    where l.granted and l.database = (select oid from pg_database where datname = current_database())
)
select format('the prepared transaction %L of %s', p.gid, p.owner), quote_literal(p.gid), null::int,
       extract(epoch from clock_timestamp() - p.prepared)::bigint,
       exists (select from held h
               join pg_locks x on x.virtualtransaction = h.virtualtransaction and x.locktype = 'transactionid'
               where h.pid is null and x.transactionid = p.transaction)
from pg_prepared_xacts p
where p.database = current_database() and p.prepared < clock_timestamp() - make_interval(secs => $1)
union all
select format('pid %s (%s)%s', a.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'),
              case when a.state like 'idle in transaction%' then ', idle in a transaction'
                  else ', in a transaction' end),
       null, a.pid, extract(epoch from clock_timestamp() - a.xact_start)::bigint,
       exists (select from held h where h.pid = a.pid)
from pg_stat_activity a
where a.datname = current_database() and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
  and coalesce(a.application_name, '') not like 'evo:%'
  and (a.state like 'idle in transaction%' and a.state_change < clock_timestamp() - make_interval(secs => $2)
       or a.xact_start < clock_timestamp() - make_interval(secs => $3))
order by 4 desc
limit 20
