-- purpose: let a lock be waited for until the server has cancelled an autovacuum that holds it
-- parameters: none
-- rows: the new lock_timeout
-- locks: none
-- idempotent: yes, for this transaction only
-- The server cancels it once deadlock_timeout is over; only a superuser can change that one.
select set_config('lock_timeout', (extract(epoch from current_setting('deadlock_timeout')::interval) * 1000 + 4000)::bigint::text, true)
