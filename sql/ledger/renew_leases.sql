-- purpose: keep the claims that an execution holds
-- parameters: $1 execution id uuid, $2 lease in seconds double, $3 batches that it holds bigint[]
update evo.batches
set lease_until = clock_timestamp() + make_interval(secs => $2)
where execution_id = $1 and state = 'claimed' and batch_id = any ($3)
