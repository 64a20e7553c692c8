-- purpose: whether the server works on a statement of a session, asked over another connection when the first one is silent
-- parameters: $1 text, the session's application_name
-- returns: one row: true while a statement runs or waits for anything but its client
-- locks: none
-- idempotent: reads only
-- Found by name and not by pid, because behind PgBouncer the pid changes from transaction to transaction.
select count(*) > 0
from pg_stat_activity
where application_name = $1 and state = 'active' and coalesce(wait_event, '') not in ('ClientRead', 'ClientWrite')
