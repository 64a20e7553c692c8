-- purpose: read against which run the rows of an entity were last compared
-- parameters: $1 entity text
-- rows: at most one: ingestion date or null, run id, what became of missing rows, how many there are, when, as
--       ISO 8601 in UTC
-- locks: none
-- idempotent: reads only
select ingestion_date, run_id, missing, missing_count, to_char(compared_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from evo.followed_runs
where entity = $1
