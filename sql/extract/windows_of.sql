-- purpose: read the windows of an extraction, for its manifest
-- parameters: $1 extraction id bigint
-- rows: query, from_day, until_day, state, pages, requests, records, objects, reason; holes first, then by
--       query and day
-- locks: none
-- idempotent: reads only
select query, from_day, until_day, state, pages_count, requests_count, records_count, objects, reason, is_hole
from evo.windows
where extraction_id = $1 and state in ('complete', 'failed')
order by is_hole desc, query, from_day
