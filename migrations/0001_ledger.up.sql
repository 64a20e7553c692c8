-- purpose: schema evo, the ledger: durable state of every job
-- locks: none that anyone waits for; all objects are new
create schema if not exists evo;
comment on schema evo is 'State of the evo jobs: executions, objects, batches, rejects, issues, watermarks.';

create table evo.runs (
    execution_id uuid        primary key,
    command      text        not null,
    entities     text[]      not null default '{}',
    arguments    jsonb       not null default '{}',
    state        text        not null check (state in ('running', 'succeeded', 'failed', 'interrupted')),
    exit_code    integer,
    started_at   timestamptz not null default clock_timestamp(),
    finished_at  timestamptz,
    host         text,
    evo_version  text        not null,
    summary      jsonb,
    error        text,
    check ((state = 'running') = (finished_at is null))
);
create index runs_started_at_idx on evo.runs (started_at);
comment on table evo.runs is 'One row per execution of a command. A row that stays "running" belongs to a process that was killed.';
comment on column evo.runs.arguments is 'As given, without secrets.';

create table evo.batches (
    batch_id         bigint      generated always as identity primary key,
    token            uuid        not null unique,
    entity           text        not null,
    execution_id     uuid        not null,
    run_id           text        not null,
    first_path       text        not null,
    last_path        text        not null,
    objects_count    integer     not null check (objects_count > 0),
    attempt          integer     not null check (attempt > 0),
    state            text        not null check (state in ('claimed', 'committed')),
    started_at       timestamptz not null,
    committed_at     timestamptz,
    lines_count      bigint      not null default 0,
    inserted_count   bigint      not null default 0,
    updated_count    bigint      not null default 0,
    unchanged_count  bigint      not null default 0,
    superseded_count bigint      not null default 0,
    rejected_count   bigint      not null default 0,
    bytes            bigint      not null default 0,
    timings          jsonb,
    seen_keys        bytea,
    constraint batches_lines_add_up check
        (lines_count = inserted_count + updated_count + unchanged_count + superseded_count + rejected_count),
    check ((state = 'committed') = (committed_at is not null))
);
create index batches_entity_idx on evo.batches (entity, batch_id);
create index batches_seen_keys_idx on evo.batches (entity, run_id, first_path) where seen_keys is not null;
comment on table evo.batches is 'One row per committed transaction of a load.';
comment on column evo.batches.token is 'Drawn by the client before the first attempt; its presence is the only proof that a batch is in.';
comment on column evo.batches.bytes is 'Compressed bytes of its objects.';
comment on column evo.batches.seen_keys is
    'Keys whose staged content, written by an older object, was the same: not touched, but seen. Sorted, differences as LEB128.';
comment on column evo.batches.timings is 'Milliseconds per phase, and how documents were staged.';

create table evo.objects (
    object_id        bigint      generated always as identity primary key,
    entity           text        not null,
    path             text        not null,
    etag             text        not null,
    size_bytes       bigint      not null check (size_bytes >= 0),
    run_id           text,
    ingestion_date   date,
    state            text        not null check (state in ('pending', 'loaded', 'quarantined')),
    reason           text,
    batch_id         bigint      references evo.batches,
    lines_count      bigint      not null default 0,
    inserted_count   bigint      not null default 0,
    updated_count    bigint      not null default 0,
    unchanged_count  bigint      not null default 0,
    superseded_count bigint      not null default 0,
    rejected_count   bigint      not null default 0,
    discovered_at    timestamptz not null default clock_timestamp(),
    loaded_at        timestamptz,
    unique (entity, path, etag),
    constraint objects_lines_add_up check
        (lines_count = inserted_count + updated_count + unchanged_count + superseded_count + rejected_count),
    check ((state = 'loaded') = (batch_id is not null and loaded_at is not null)),
    check ((state = 'quarantined') = (reason is not null)),
    check (run_id is not null or state = 'quarantined')
);
create index objects_pending_idx on evo.objects (entity, run_id, path) where state = 'pending';
create index objects_batch_id_idx on evo.objects (batch_id);
comment on table evo.objects is 'Every bronze object seen. Identity is path and etag: a replaced object is a new row.';
comment on column evo.objects.reason is 'Why it was quarantined.';

create table evo.rejects (
    reject_id   bigint      generated always as identity primary key,
    entity      text        not null,
    object_id   bigint      not null references evo.objects,
    batch_id    bigint      not null references evo.batches,
    path        text        not null,
    line_number bigint      not null check (line_number > 0),
    byte_offset bigint      not null check (byte_offset >= 0),
    line        bytea       not null,
    reason      text        not null,
    sqlstate    text,
    rejected_at timestamptz not null default clock_timestamp(),
    resolved_at timestamptz,
    unique (object_id, line_number)
);
create index rejects_open_idx on evo.rejects (entity, reject_id) where resolved_at is null;
comment on table evo.rejects is 'Dead letter: lines that could not be staged, verbatim.';
comment on column evo.rejects.byte_offset is 'Where the line begins in the decompressed object.';
comment on column evo.rejects.sqlstate is 'What PostgreSQL answers to the text; null when the reason is evo''s own, a missing key for one.';

create table evo.issues (
    issue_id      bigint      generated always as identity primary key,
    entity        text        not null,
    table_name    text        not null,
    key_text      text        not null,
    column_name   text        not null,
    raw_value     text        not null,
    reason        text        not null,
    execution_id  uuid        not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    last_seen_at  timestamptz not null default clock_timestamp(),
    unique (table_name, key_text, column_name)
);
create index issues_entity_idx on evo.issues (entity);
comment on table evo.issues is 'Values that did not fit their column and were nulled by a transform; the rest of the record lives.';
comment on column evo.issues.key_text is 'Primary key columns of the row, joined with a comma.';
comment on column evo.issues.raw_value is 'At most 200 characters.';

create table evo.models (
    table_name     text        primary key,
    entity         text        not null,
    generation     bigint      not null default 0,
    refreshed_at   timestamptz,
    refreshed_by   uuid,
    incremental_at timestamptz,
    rows_count     bigint
);
comment on table evo.models is 'Per core table: generation and last refresh.';
comment on column evo.models.rows_count is 'Rows of the last full refresh.';

create table evo.model_batches (
    entity   text   not null,
    batch_id bigint not null references evo.batches,
    primary key (entity, batch_id)
);
comment on table evo.model_batches is
    'Watermark: the batches that an entity''s core tables have taken in. A set, because a batch with a low id may commit late.';
