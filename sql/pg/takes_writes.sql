-- purpose: whether a new session can write, and which server process it is
-- returns: one row: in recovery, transaction_read_only, pid, when the process began
-- locks: none
-- idempotent: reads only
select pg_is_in_recovery(), current_setting('transaction_read_only'), pg_backend_pid(),
       (select backend_start from pg_stat_get_activity(pg_backend_pid()))
