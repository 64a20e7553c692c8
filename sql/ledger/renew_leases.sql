-- purpose: keep the claims that an execution holds
-- parameters: $1 execution id uuid, $2 lease in seconds double, $3 batches that it holds bigint[]
-- locks: waits for nobody. A batch whose row is locked is being claimed, completed or given up at this moment, and one that
--        waits must not let the leases of the others lapse
update evo.batches
set lease_until = clock_timestamp() + make_interval(secs => $2)
where batch_id in (
    select batch_id from evo.batches
    where execution_id = $1 and state = 'claimed' and batch_id = any ($3)
    for no key update skip locked
)
