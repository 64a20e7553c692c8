-- purpose: describe who holds a lock on core tables that keeps the swap waiting
-- parameters: $1 tables text[]
-- rows: a phrase, without the statement, which may hold values; whether it is a prepared transaction, whose
--       lock stays until somebody ends it by name; that name
-- locks: none
-- idempotent: reads only
-- A lock without a process is that of a prepared transaction, found by the transaction's own lock.
with wanted as (
    select x::regclass::oid as relation from unnest($1::text[]) as x
    union
    select i.inhrelid from pg_inherits i where i.inhparent in (select x::regclass from unnest($1::text[]) as x)
), holder as (
    select distinct l.pid, l.virtualtransaction
    from pg_locks l
    join wanted w on w.relation = l.relation
    where l.locktype = 'relation' and l.granted and l.pid is distinct from pg_backend_pid()
      and l.database = (select oid from pg_database where datname = current_database())
)
select distinct format('pid %s (%s)%s', h.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'),
                       ' in a transaction for ' || date_trunc('second', clock_timestamp() - a.xact_start)) as who,
       false as is_prepared, null::text as gid
from holder h
left join pg_stat_activity a on a.pid = h.pid
where h.pid is not null
union all
select distinct format('the prepared transaction %L of %s, for %s', p.gid, p.owner,
                       date_trunc('second', clock_timestamp() - p.prepared)), true, p.gid
from holder h
join pg_locks x on x.virtualtransaction = h.virtualtransaction and x.pid is null and x.locktype = 'transactionid'
join pg_prepared_xacts p on p.transaction = x.transactionid
where h.pid is null
order by 1
