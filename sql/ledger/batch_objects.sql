-- purpose: list the pending objects of a batch, and what the manifest of their run says of them
-- parameters: $1 batch id bigint
-- rows: object id, path, etag, bytes, run id, ingestion date; by the manifest: bytes and SHA-256, or nulls;
--       whether it lists the run's objects without this one. Older positions first, and of one path the version
--       that was listed later behind the other
-- locks: none
-- idempotent: reads only
select o.object_id, o.path, o.etag, o.size_bytes, o.run_id, o.ingestion_date, l.size_bytes, l.sha256,
    coalesce(m.lists_objects, false) and l.path is null
from evo.objects o
left join evo.manifest_objects l on l.lake_id = o.lake_id and l.entity = o.entity and l.path = o.path
left join evo.manifests m on m.lake_id = o.lake_id and m.entity = o.entity and m.run_id = o.run_id
where o.batch_id = $1 and o.state = 'pending'
order by coalesce(o.ingestion_date, '-infinity'), o.path collate "C", o.version
