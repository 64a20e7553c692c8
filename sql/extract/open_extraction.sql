-- purpose: read the open extraction of an entity, if there is one
-- parameters: $1 entity text, $2 lake id int
-- rows: at most one: extraction id, run id, from day, until day, ingestion date
-- locks: none
-- idempotent: reads only
select extraction_id, run_id, from_day, until_day, ingestion_date
from evo.extractions
where entity = $1 and lake_id = $2 and state = 'open'
