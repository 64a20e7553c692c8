-- purpose: stop requests with a credential for a while, and space later ones more widely, because the vendor
--          asked for it
-- parameters: $1 credential text, $2 pause in ms double precision
-- rows: the factor on the pauses from now on
-- locks: the credential's row, for a moment
-- idempotent: no; refusals of requests that were sent together count once
update evo.pace
set slowdown = case when paused_until > clock_timestamp() then slowdown else least(slowdown * 2, 32) end,
    paused_until = greatest(paused_until, clock_timestamp() + $2 * interval '1 millisecond')
where credential = $1
returning slowdown
