-- purpose: record what the manifest of a run says
-- parameters: $1 entity text, $2 lake id int, $3 run id text, $4 ingestion date or null, $5 path text, $6
--             etag text, $7 records bigint or null, $8 parts bigint or null, $9 errors bigint or null, $10
--             whether it lists all objects boolean
-- rows: none
-- locks: the manifest's row, until commit
-- idempotent: a manifest that was written again replaces the one before
insert into evo.manifests
    (entity, lake_id, run_id, ingestion_date, path, etag, records_count, parts_count, errors_count, lists_objects)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (lake_id, entity, run_id) do update
set ingestion_date = excluded.ingestion_date, path = excluded.path, etag = excluded.etag,
    records_count = excluded.records_count,
    parts_count = excluded.parts_count, errors_count = excluded.errors_count, lists_objects = excluded.lists_objects,
    read_at = clock_timestamp()
