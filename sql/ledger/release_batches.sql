-- purpose: let go of claims, so that others need not wait for the lease to end
-- parameters: $1 execution id uuid, $2 batch id bigint or null for all
update evo.batches
set state = 'planned', lease_until = null
where execution_id = $1 and state = 'claimed' and ($2::bigint is null or batch_id = $2)
