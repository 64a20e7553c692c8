-- purpose: renew the leases of the windows that an execution holds
-- parameters: $1 execution id uuid, $2 lease in seconds double precision, $3 windows that it holds bigint[]
-- rows: none
-- locks: the rows of these windows, for a moment
-- idempotent: yes
update evo.windows
set lease_until = clock_timestamp() + make_interval(secs => $2)
where window_id = any ($3) and execution_id = $1 and state = 'claimed'
