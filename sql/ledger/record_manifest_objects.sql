-- purpose: record what the manifest of a run says of its objects
-- parameters: $1 entity text, $2 lake id int, $3 run id text; of each object: $4 path text[], $5 bytes
--             bigint[], $6 SHA-256 bytea[]
-- rows: none
-- locks: the rows of these objects, until commit
-- idempotent: a manifest that was written again replaces the one before
with dropped as (
    delete from evo.manifest_objects
    where lake_id = $2 and entity = $1 and run_id = $3 and path <> all ($4::text[])
)
insert into evo.manifest_objects (lake_id, entity, path, run_id, size_bytes, sha256)
select $2, $1, o.path, $3, o.size_bytes, o.sha256
from unnest($4::text[], $5::bigint[], $6::bytea[]) as o (path, size_bytes, sha256)
order by o.path
on conflict (lake_id, entity, path) do update
set run_id = excluded.run_id, size_bytes = excluded.size_bytes, sha256 = excluded.sha256
where (manifest_objects.run_id, manifest_objects.size_bytes, manifest_objects.sha256)
      is distinct from (excluded.run_id, excluded.size_bytes, excluded.sha256)
