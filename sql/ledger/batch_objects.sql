-- purpose: list the pending objects of a batch
-- parameters: $1 batch id bigint
-- rows: object id, path, etag, bytes, run id, ingestion date; older positions first, and of one path the
--       version that was listed later behind the other
-- locks: none
-- idempotent: reads only
select object_id, path, etag, size_bytes, run_id, ingestion_date
from evo.objects
where batch_id = $1 and state = 'pending'
order by coalesce(ingestion_date, '-infinity'), path collate "C", version
