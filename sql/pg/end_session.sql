-- purpose: ends a session that lost its client without noticing, and with it the locks of its transaction
-- parameters: $1 int4 pid, $2 text when the process began, $3 text its application_name, $4 int8 milliseconds to wait
-- returns: one row with whether it has ended, none when it was gone already
-- locks: none
-- idempotent: the process is named beyond doubt: behind PgBouncer another client's work may run on it, under another name
select pg_terminate_backend(pid, $4)
from pg_stat_activity
where pid = $1 and backend_start = $2::timestamptz and application_name = $3
