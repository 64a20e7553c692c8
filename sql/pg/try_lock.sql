-- purpose: takes an advisory lock for the transaction, if nobody else has it
-- parameters: $1 text name of the lock
-- rows: one: whether it was free, pid of this session, when its process began
-- locks: the advisory lock, until the transaction ends
-- idempotent: yes
select pg_try_advisory_xact_lock(hashtextextended($1, 0)), pg_backend_pid(),
       (select backend_start::text from pg_stat_get_activity(pg_backend_pid()))
