-- purpose: what waits to be loaded
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null
-- rows: object_id, path, etag, size_bytes, run_id, ingestion_date; oldest run first, path order inside
select object_id, path, etag, size_bytes, run_id, ingestion_date
from evo.objects
where entity = $1
  and state = 'pending'
  and ($2::text is null or run_id = $2)
  and ($3::date is null or ingestion_date >= $3)
order by run_id collate "C", path collate "C", object_id
