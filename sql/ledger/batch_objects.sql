-- purpose: the objects of a batch
-- parameters: $1 batch id bigint
-- rows: object_id, path, etag, size_bytes, run_id, ingestion_date; in path order
select object_id, path, etag, size_bytes, run_id, ingestion_date
from evo.objects
where batch_id = $1 and state = 'pending'
order by path collate "C", object_id
