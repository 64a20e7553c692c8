-- purpose: describe who holds an advisory lock
-- parameters: $1 name of the lock text
-- rows: one: a phrase, null when nobody holds it; the name of a prepared transaction among the holders, as SQL
--       writes it
-- locks: none
-- idempotent: reads only
-- A lock without a process is that of a prepared transaction, found by the transaction's own lock.
with holder as (
    select l.pid, l.virtualtransaction
    from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)
), prepared as (
    select p.gid, p.owner, p.prepared
    from holder h
    join pg_locks x on x.pid is null and x.locktype = 'transactionid' and x.virtualtransaction = h.virtualtransaction
    join pg_prepared_xacts p on p.transaction = x.transactionid
    where h.pid is null
), named as (
    select format('pid %s (%s%s)%s', h.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'),
                  ' from ' || host(a.client_addr),
                  ' since ' || to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC') as who,
           h.pid as position
    from holder h
    left join pg_stat_activity a on a.pid = h.pid
    where h.pid is not null
    union all
    select format('the prepared transaction %L of %s since %s UTC', p.gid, p.owner,
                  to_char(p.prepared at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')), 0
    from prepared p
)
select (select string_agg(n.who, '; ' order by n.position) from named as n),
       (select min(quote_literal(p.gid)) from prepared as p)
