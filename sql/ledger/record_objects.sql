-- purpose: remember listed objects; an object is known by path and etag
-- parameters: $1 entity text, $2 paths text[], $3 etags text[], $4 sizes bigint[], $5 run ids text[], $6 dates date[]
-- rows: none; the command tag counts the new ones
-- idempotent: known objects are skipped
insert into evo.objects (entity, path, etag, size_bytes, run_id, ingestion_date, state, reason)
select
    $1, o.path, o.etag, o.size_bytes, o.run_id, o.ingestion_date,
    case when o.run_id is null then 'quarantined' else 'pending' end,
    case when o.run_id is null then 'the path has no run_id=… segment, so its age is unknown' end
from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::date[])
    as o (path, etag, size_bytes, run_id, ingestion_date)
order by o.path collate "C"
on conflict (entity, path, etag) do nothing
