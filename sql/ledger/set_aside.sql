-- purpose: list quarantined objects of a selection, which wait for a person
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $5 limit bigint
-- rows: path, reason, how many there are altogether; in path order
-- locks: none
-- idempotent: reads only
-- An object without a run or a date is in every selection, because it might belong to it.
select path, reason, count(*) over ()
from evo.objects
where entity = $1 and lake_id = $2 and state = 'quarantined'
  and ($3::text is null or run_id is null or run_id = $3)
  and ($4::date is null or ingestion_date is null or ingestion_date >= $4)
order by path collate "C"
limit $5
