-- purpose: the objects of a batch
-- parameters: $1 batch id bigint
-- rows: object_id, path, etag, size_bytes, run_id, ingestion_date; older places first, of one path the version that was listed last
--       behind the others
select object_id, path, etag, size_bytes, run_id, ingestion_date
from evo.objects
where batch_id = $1 and state = 'pending'
order by coalesce(ingestion_date, '-infinity'), path collate "C", version
