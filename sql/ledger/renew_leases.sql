-- purpose: renew the leases of the batches that an execution holds
-- parameters: $1 execution id uuid, $2 lease in seconds double precision, $3 batches that it holds bigint[]
-- rows: none
-- locks: the batches' rows, until commit; waits for none. A batch whose row is locked is being claimed,
--        completed or released at this moment, and waiting for it must not let the other leases expire
-- idempotent: a repetition only moves the time
update evo.batches
set lease_until = clock_timestamp() + make_interval(secs => $2)
where batch_id in (
    select batch_id from evo.batches
    where execution_id = $1 and state = 'claimed' and batch_id = any ($3)
    for no key update skip locked
)
