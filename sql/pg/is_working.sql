-- purpose: find out, over another connection, what the server does for a session that is silent
-- parameters: $1 application_name of the session text, $2 its process id int, or null behind PgBouncer
-- rows: one: whether it works for it; for whom a statement waits, or null; if one of those is a prepared
--       transaction, which no session will end, its name as SQL writes it; whether there is a session of this
--       name; the event that it waits for, as Type/Event, or null
-- locks: none
-- idempotent: reads only
-- Behind PgBouncer found by name alone, because there the process id changes from transaction to transaction.
-- Elsewhere by both: sessions of another process that runs the same command have the same names.
-- A name is shown to everybody; state and wait event may be hidden (another role's session) or not be kept
-- (track_activities = off). What is not known counts as work: only a session that is seen idle, or seen to
-- wait for its client, does nothing.
-- Who waits may wait behind another one that waits: all the way to those that do not is asked. Among the holders
-- pid 0 is a prepared transaction; of several, it is one with the very lock that somebody on that way waits for.
with recursive mine as materialized (
    select pid,
           coalesce(state in ('idle', 'idle in transaction', 'idle in transaction (aborted)'), false)
               or coalesce(wait_event in ('ClientRead', 'ClientWrite'), false) as is_idle,
           wait_event_type || '/' || wait_event as event
    from pg_stat_activity
    where application_name = $1 and ($2::integer is null or pid = $2) and pid <> pg_backend_pid()
), blocker (pid) as (
    select b.pid
    from mine cross join lateral unnest(pg_blocking_pids(mine.pid)) as b (pid)
    where not mine.is_idle
    union
    select b.pid
    from blocker cross join lateral unnest(pg_blocking_pids(blocker.pid)) as b (pid)
    where blocker.pid <> 0
), lock as materialized (
    select l.*,
           (l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid,
               l.objsubid)::text as tag
    from pg_locks l
    where exists (select from blocker)
), waiting as (
    select w.pid, w.tag
    from lock w
    where not w.granted and (w.pid in (select m.pid from mine m where not m.is_idle)
        or w.pid in (select b.pid from blocker b))
), prepared as materialized (
    select distinct p.gid, p.owner, p.prepared
    from waiting w
    join lock h on h.pid is null and h.granted and h.tag = w.tag
    join lock x on x.pid is null and x.locktype = 'transactionid' and x.virtualtransaction = h.virtualtransaction
    join pg_prepared_xacts p on p.transaction = x.transactionid
    where exists (select from blocker b where b.pid = 0)
), held_by as (
    select format('pid %s (%s%s)%s%s', a.pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown'),
                  ' from ' || host(a.client_addr),
                  ' in a transaction since ' || to_char(a.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                      || ' UTC',
                  case when a.pid in (select w.pid from waiting w) then ', waiting for a lock itself' end) as who
    from blocker b
    join pg_stat_activity a on a.pid = b.pid
    where b.pid not in (select m.pid from mine as m)
    union all
    select format('the prepared transaction %L of %s since %s UTC', p.gid, p.owner,
                  to_char(p.prepared at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'))
    from prepared p
)
select (select coalesce(bool_or(not m.is_idle), false) from mine as m),
       (select string_agg(h.who, '; ' order by h.who) from held_by as h),
       (select min(quote_literal(p.gid)) from prepared as p),
       exists (select from mine),
       (select max(m.event) from mine as m where not m.is_idle)
