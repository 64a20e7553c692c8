-- purpose: set an object aside
-- parameters: $1 object id bigint, $2 reason text
update evo.objects set state = 'quarantined', reason = $2
where object_id = $1 and state = 'pending'
