-- purpose: takes an advisory lock for the transaction, if nobody else has it
-- parameters: $1 text name of the lock
-- rows: one: whether it was free, pid of this session, when its process began, in microseconds since 1970, null when hidden
-- locks: the advisory lock, until the transaction ends
-- idempotent: yes
select pg_try_advisory_xact_lock(hashtextextended($1, 0)), pg_backend_pid(),
       (select (extract(epoch from backend_start) * 1000000)::bigint from pg_stat_get_activity(pg_backend_pid()))
