-- purpose: keep what the manifest of a run says
-- parameters: $1 entity text, $2 run id text, $3 path text, $4 etag text, $5 records bigint, $6 parts bigint, $7 errors bigint
-- idempotent: a manifest that was written again replaces the one before
insert into evo.manifests (entity, run_id, path, etag, records_count, parts_count, errors_count)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (entity, run_id) do update
set path = excluded.path, etag = excluded.etag, records_count = excluded.records_count, parts_count = excluded.parts_count,
    errors_count = excluded.errors_count, read_at = clock_timestamp()
