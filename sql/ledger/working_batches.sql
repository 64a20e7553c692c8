-- purpose: count the batches of an entity that an execution works on
-- parameters: $1 entity text
-- rows: one: batches
-- locks: none
-- idempotent: reads only
select count(*) from evo.batches where entity = $1 and state = 'claimed' and lease_until > clock_timestamp()
