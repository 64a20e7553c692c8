-- purpose: take an object out of its batch: quarantined with a reason when it is broken, gone when it is no
--          longer there, pending when it cannot be read now
-- parameters: $1 object id bigint, $2 state text, $3 reason text or null
-- rows: none
-- locks: the object's row, until commit
-- idempotent: only a pending object is changed
update evo.objects set state = $2, reason = $3, batch_id = null, seen_at = clock_timestamp()
where object_id = $1 and state = 'pending'
