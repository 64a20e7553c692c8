-- purpose: keep an execution's claims
-- parameters: $1 execution id uuid, $2 lease in seconds double
update evo.batches
set lease_until = clock_timestamp() + make_interval(secs => $2)
where execution_id = $1 and state = 'claimed'
