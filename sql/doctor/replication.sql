-- purpose: read how far standbys and replication slots are behind
-- rows: a phrase; is it a slot; the slot's name as SQL writes it; bytes of WAL that it has not received, or that
--       are kept for it; seconds of delay, null where unknown; is it in use; is a slot lost
-- locks: none
-- idempotent: reads only
-- What a role may not see is null.
with here as (
    select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn
)
select format('the standby %s', coalesce(nullif(r.application_name, ''), r.pid::text)), false, null::text,
       pg_wal_lsn_diff(h.lsn, r.replay_lsn)::bigint, extract(epoch from r.replay_lag)::bigint, true, false
from here h cross join pg_stat_replication r
union all
select format('the replication slot %s', s.slot_name), true, quote_literal(s.slot_name),
       pg_wal_lsn_diff(h.lsn, s.restart_lsn)::bigint, null, s.active, coalesce(s.wal_status = 'lost', false)
from here h cross join pg_replication_slots s
order by 1
