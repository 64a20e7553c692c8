-- purpose: take an object out of its batch: it cannot be read (quarantined, with the reason) or is no longer there (gone)
-- parameters: $1 object id bigint, $2 state text, $3 reason text or null
update evo.objects set state = $2, reason = $3, batch_id = null
where object_id = $1 and state = 'pending'
