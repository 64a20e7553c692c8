-- purpose: count the windows of an extraction that are not finished
-- parameters: $1 extraction id bigint
-- rows: one: unfinished windows, all windows
-- locks: none
-- idempotent: reads only
select count(*) filter (where state in ('planned', 'claimed')), count(*)
from evo.windows
where extraction_id = $1
