-- purpose: end a session that lost its client without noticing, and with it the locks of its transaction
-- parameters: $1 process id int, $2 when the process began, in microseconds since 1970, bigint, $3 its
--             application_name text, $4 milliseconds to wait bigint
-- rows: one: whether it has ended; none when it had ended already, or when start times of processes are
--       hidden
-- locks: none
-- idempotent: the process is identified beyond doubt: behind PgBouncer another client's work may run on it,
--             under another name
select pg_terminate_backend(pid, $4)
from pg_stat_activity
where pid = $1 and (extract(epoch from backend_start) * 1000000)::bigint = $2 and application_name = $3
