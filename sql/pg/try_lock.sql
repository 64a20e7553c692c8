-- purpose: take an advisory lock for the transaction, if it is free
-- parameters: $1 name of the lock text
-- rows: one: whether it was free, process id of this session, when its process began, in microseconds since
--       1970, null when hidden
-- locks: the advisory lock, until the transaction ends
-- idempotent: the lock is taken again and counted
select pg_try_advisory_xact_lock(hashtextextended($1, 0)), pg_backend_pid(),
       (select (extract(epoch from backend_start) * 1000000)::bigint from pg_stat_get_activity(pg_backend_pid()))
