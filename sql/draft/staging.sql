-- purpose: create the staging table of a drafted entity
-- placeholders: {table} its name without the schema, {key} the key columns with their types, {primary} the primary
--               key, where it is not part of them
-- rows: none
-- locks: none that others wait for: the table is new
-- idempotent: no; a migration runs once
create table stg_evo.{table} (
    {key},
    raw_data jsonb not null,
    _source_file text,
    run_id text,
    ingestion_date date,
    _loaded_at timestamptz not null default now(),
    _updated_at timestamptz not null default now(),
    _source_line bigint,
    _content_hash uuid,
    _batch_id bigint{primary}
);
create index {table}_batch_id_idx on stg_evo.{table} (_batch_id);
