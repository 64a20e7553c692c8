-- purpose: release the claims of an execution, so that nobody waits for their lease
-- parameters: $1 execution id uuid
-- rows: none
-- locks: the rows of its windows, for a moment
-- idempotent: yes
update evo.windows
set state = 'planned', execution_id = null, lease_until = null
where execution_id = $1 and state = 'claimed'
