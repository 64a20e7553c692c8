-- purpose: lock an extraction, so that one process ends it
-- parameters: $1 extraction id bigint
-- rows: one when it is open and all of its windows are finished: run_id, ingestion date, from_day,
--       until_day, seconds since it began
-- locks: the extraction's row until the end of the transaction; a rival waits and then finds it ended
-- idempotent: reads only
select run_id, ingestion_date, from_day, until_day, extract(epoch from clock_timestamp() - began_at)::float8
from evo.extractions e
where e.extraction_id = $1 and e.state = 'open'
  and not exists (select from evo.windows w where w.extraction_id = $1 and w.state in ('planned', 'claimed'))
for update of e
