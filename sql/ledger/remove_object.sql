-- purpose: take an object out of its batch: it is broken (quarantined, with the reason), no longer there
--          (gone), or not to be had now (pending)
-- parameters: $1 object id bigint, $2 state text, $3 reason text or null
update evo.objects set state = $2, reason = $3, batch_id = null, seen_at = clock_timestamp()
where object_id = $1 and state = 'pending'
