-- purpose: create the session's temporary table of the staged rows that a batch meets, where staging is
--          distributed; it is emptied at every commit
-- placeholders: {known} its name, which changes with the type of the keys, {key_column} that type
-- rows: none
-- locks: none outside of the session
-- idempotent: if not exists, as in stage_tables.sql
create temp table if not exists {known} (
    key            {key_column} not null,
    event_at       timestamptz  not null,
    _content_hash  uuid,
    _source_file   text,
    run_id         text,
    ingestion_date date,
    _loaded_at     timestamptz
) on commit delete rows
