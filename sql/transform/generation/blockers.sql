-- purpose: describe who holds a lock that keeps the swap waiting
-- parameters: $1 core tables of the entity text[]
-- rows: a phrase, without the statement, which may hold values; whether it is a prepared transaction, whose
--       lock stays until somebody ends it by name; that name
-- locks: none
-- idempotent: reads only
-- The swap locks the tables, their partitions and the tables that reference them, and writes rows of the ledger.
-- The ledger's rows are written by many, so of its tables only a prepared transaction's locks count.
-- A lock without a process is that of a prepared transaction, found by the transaction's own lock.
with recursive part as (
    select x::regclass::oid as relation from unnest($1::text[]) as x
    union
    select i.inhrelid from part p join pg_inherits i on i.inhparent = p.relation
), wanted as (
    select relation, false as is_ledger from part
    union
    select c.conrelid, false from part p join pg_constraint c on c.confrelid = p.relation and c.contype = 'f'
    union
    select x::regclass::oid, true from unnest(array['evo.models', 'evo.model_batches', 'evo.issues']) as x
), holder as (
    select distinct l.pid, l.virtualtransaction
    from pg_locks l
    join wanted w on w.relation = l.relation
    where l.locktype = 'relation' and l.granted and l.pid is distinct from pg_backend_pid()
      and (l.pid is null or not w.is_ledger)
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
