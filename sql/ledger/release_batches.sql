-- purpose: release claims of an execution, so that others need not wait for the lease to expire
-- parameters: $1 execution id uuid, $2 batch id bigint or null for all
-- rows: none
-- locks: the batches' rows, until commit
-- idempotent: what is released is not claimed any more
update evo.batches
set state = 'planned', lease_until = null
where execution_id = $1 and state = 'claimed' and ($2::bigint is null or batch_id = $2)
