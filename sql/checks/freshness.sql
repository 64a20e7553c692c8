-- purpose: what was ever loaded is still being loaded
-- for: each entity
-- severity: fail
-- when: check
-- parameter: max_age = 3 days
-- hint: look at the schedule of the extraction and of the load (evo status); another age: --set freshness.max_age='12 hours'
select {entity} || ' was last loaded at ' || to_char(max(committed_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
    || ' UTC'
from evo.batches
where entity = {entity} and state = 'committed'
having max(committed_at) < now() - {max_age}::interval
