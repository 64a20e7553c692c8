-- purpose: allow a wait for a lock that is long enough for the server to cancel an autovacuum that holds it
-- parameters: none
-- rows: the new lock_timeout
-- locks: none
-- idempotent: a repetition sets the same; for this transaction only
-- The server cancels it once deadlock_timeout is over; only a superuser can change that one.
select set_config('lock_timeout', (extract(epoch from current_setting('deadlock_timeout')::interval) * 1000 + 4000)::bigint::text, true)
