-- purpose: find out, over another connection, what the server does for a session that is silent
-- parameters: $1 application_name of the session text, $2 its process id int, or null behind PgBouncer
-- rows: one: whether it works for it; for whom a statement waits, or null; if one of those is a prepared
--       transaction, which no session will end, its name as SQL writes it; whether there is a session of this
--       name
-- locks: none
-- idempotent: reads only
-- Behind PgBouncer found by name alone, because there the process id changes from transaction to transaction.
-- Elsewhere by both: sessions of another process that runs the same command have the same names.
-- A name is shown to everybody; state and wait event may be hidden (another role's session) or not be kept
-- (track_activities = off). What is not known counts as work: only a session that is seen idle, or seen to
-- wait for its client, does nothing.
with mine as materialized (
    select pid,
           coalesce(state in ('idle', 'idle in transaction', 'idle in transaction (aborted)'), false)
               or coalesce(wait_event in ('ClientRead', 'ClientWrite'), false) as is_idle
    from pg_stat_activity
    where application_name = $1 and ($2::integer is null or pid = $2) and pid <> pg_backend_pid()
), blocker as materialized (
    select distinct b.pid
    from mine cross join lateral unnest(pg_blocking_pids(mine.pid)) as b (pid)
    where not mine.is_idle and b.pid not in (select m.pid from mine as m)
), prepared as materialized (
    select distinct p.gid, p.owner, p.prepared
    from mine
    join pg_locks w on w.pid = mine.pid and not w.granted
    join pg_prepared_xacts p on p.database = current_database()
    where exists (select from blocker b where b.pid = 0)
      and (w.transactionid = p.transaction or exists (
          select from pg_locks x
          join pg_locks h on h.virtualtransaction = x.virtualtransaction and h.pid is null and h.granted
          where x.pid is null and x.locktype = 'transactionid' and x.transactionid = p.transaction
            and h.database = w.database and h.relation = w.relation
      ))
), held_by as (
    select format('pid %s (%s%s)%s', a.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'),
                  ' from ' || host(a.client_addr),
                  ' in a transaction since ' || to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC') as who
    from blocker b
    join pg_stat_activity a on a.pid = b.pid
    union all
    select format('the prepared transaction %L of %s since %s UTC', p.gid, p.owner,
                  to_char(p.prepared at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
    from prepared p
)
select (select coalesce(bool_or(not m.is_idle), false) from mine as m),
       (select string_agg(h.who, '; ' order by h.who) from held_by as h),
       (select min(quote_literal(p.gid)) from prepared as p),
       exists (select from mine)
