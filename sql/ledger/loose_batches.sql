-- purpose: list the planned batches that nobody has claimed (dissolve_batches.sql, read only)
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null
-- rows: batch id
-- locks: none
-- idempotent: reads only
select batch_id
from evo.batches
where entity = $1 and lake_id = $2 and state = 'planned' and ($3::text is null or run_id = $3)
