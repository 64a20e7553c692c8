-- purpose: find out whether a new session can write, which server process it is, and which settings it has
--          that evo cannot simply change itself
-- rows: one: in recovery; transaction_read_only; process id; when the process began, in microseconds since
--       1970, null when it is hidden; whether it is read-only because its role or database is;
--       session_replication_role; synchronous_commit; transaction_timeout, null where the server does not
--       know it
-- locks: none
-- idempotent: reads only
-- A transaction that is read-only although it need not be began in recovery: the server was promoted in
-- between.
select pg_is_in_recovery()
           or current_setting('transaction_read_only') = 'on'
              and current_setting('default_transaction_read_only') = 'off',
       current_setting('transaction_read_only'), pg_backend_pid(),
       (select (extract(epoch from backend_start) * 1000000)::bigint from pg_stat_get_activity(pg_backend_pid())),
       -- the view is asked only where there is something to ask: it lists all settings
       case when current_setting('default_transaction_read_only') = 'on' then
           (select source in ('user', 'database', 'database user') from pg_settings
               where name = 'default_transaction_read_only')
       else false end,
       current_setting('session_replication_role'), current_setting('synchronous_commit'),
       current_setting('transaction_timeout', true)
