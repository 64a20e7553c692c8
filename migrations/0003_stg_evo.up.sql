-- purpose: the staging tables, with the names and columns that reports use, and evo's own lineage columns behind them
create schema if not exists stg_evo;
comment on schema stg_evo is 'Staging: whole documents as jsonb, one row per key, newest version.';

create table stg_evo.members_raw (
    member_id      bigint      primary key,
    raw_data       jsonb       not null,
    _source_file   text,
    run_id         text,
    ingestion_date date,
    _loaded_at     timestamptz not null default now(),
    _updated_at    timestamptz not null default now(),
    _source_line   bigint,
    _content_hash  uuid,
    _batch_id      bigint
);
create table stg_evo.sales_raw (
    sale_id        bigint      primary key,
    raw_data       jsonb       not null,
    _source_file   text,
    run_id         text,
    ingestion_date date,
    _loaded_at     timestamptz not null default now(),
    _updated_at    timestamptz not null default now(),
    _source_line   bigint,
    _content_hash  uuid,
    _batch_id      bigint
);
create table stg_evo.prospects_raw (
    prospect_id    bigint      primary key,
    raw_data       jsonb       not null,
    _source_file   text,
    run_id         text,
    ingestion_date date,
    _loaded_at     timestamptz not null default now(),
    _updated_at    timestamptz not null default now(),
    _source_line   bigint,
    _content_hash  uuid,
    _batch_id      bigint
);
create table stg_evo.entries_raw (
    entry_id       bigint      not null,
    entry_date     timestamptz not null,
    raw_data       jsonb       not null,
    _source_file   text,
    run_id         text,
    ingestion_date date,
    _loaded_at     timestamptz not null default now(),
    _updated_at    timestamptz not null default now(),
    _source_line   bigint,
    _content_hash  uuid,
    _batch_id      bigint,
    primary key (entry_id, entry_date)
) partition by range (entry_date);
create table stg_evo.entries_raw_default partition of stg_evo.entries_raw default;
comment on table stg_evo.entries_raw_default is 'Absurd dates are parked here; years from 2000 on get a partition when the first entry arrives.';

-- incremental transforms find what changed by batch
create index members_raw_batch_id_idx on stg_evo.members_raw (_batch_id);
create index sales_raw_batch_id_idx on stg_evo.sales_raw (_batch_id);
create index prospects_raw_batch_id_idx on stg_evo.prospects_raw (_batch_id);
create index entries_raw_batch_id_idx on stg_evo.entries_raw (_batch_id);
create index idx_stg_entries_date on stg_evo.entries_raw (entry_date);
create index idx_stg_entries_run on stg_evo.entries_raw (run_id);

do $$
declare
    t text;
begin
    foreach t in array array['members_raw', 'sales_raw', 'prospects_raw', 'entries_raw', 'entries_raw_default'] loop
        execute format('comment on column stg_evo.%I._source_line is ''Line of the object, from 1, from which the present content was loaded.''', t);
        execute format('comment on column stg_evo.%I._content_hash is ''XXH3-128 of the line''''s bytes.''', t);
        execute format('comment on column stg_evo.%I._batch_id is ''Batch (evo.batches) that wrote the present content.''', t);
        -- lz4 loads a fifth faster and reads twice as fast as pglz for 1 % more space; not every build has it
        if exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)) then
            execute format('alter table stg_evo.%I alter column raw_data set compression lz4', t);
        end if;
    end loop;
end $$;

-- Adds the partition of a calendar year (of the zone) to a table partitioned by a time column, and moves what was parked for it.
-- Idempotent; concurrent callers wait for each other. Returns whether it made one.
create function evo.ensure_year_partition(parent text, key_column text, year integer, zone text) returns boolean
language plpgsql as $$
declare
    partition text := parent || '_' || year;
    fallback  text := parent || '_default';
    starts    timestamptz := make_timestamp(year, 1, 1, 0, 0, 0) at time zone zone;
    ends      timestamptz := make_timestamp(year + 1, 1, 1, 0, 0, 0) at time zone zone;
begin
    if to_regclass(partition) is not null then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('evo:partition:' || parent, 0));
    -- Asked again behind the lock, and of the table itself: to_regclass may answer from before the wait.
    if exists (
        select from pg_class c
        where c.relnamespace = (select p.relnamespace from pg_class p where p.oid = parent::regclass)
          and c.relname = (select p.relname || '_' || year from pg_class p where p.oid = parent::regclass)
    ) then
        return false;
    end if;
    execute format('create table %s (like %s including all)', partition::text, parent);
    execute format('with moved as (delete from %s where %I >= %L and %I < %L returning *) insert into %s select * from moved',
        fallback, key_column, starts, key_column, ends, partition);
    execute format('alter table %s attach partition %s for values from (%L) to (%L)', parent, partition, starts, ends);
    return true;
end $$;
comment on function evo.ensure_year_partition is 'Makes the partition of a year on demand and moves what was parked in the default partition.';
