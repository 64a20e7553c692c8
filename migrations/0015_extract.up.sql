-- purpose: what an extraction from an API has fetched, is fetching and is still to fetch
-- locks: none that anyone waits for; all objects are new

create table evo.extractions (
    extraction_id bigint      generated always as identity primary key,
    entity        text        not null,
    lake_id       integer     not null references evo.lakes,
    run_id        text        not null,
    source        text        not null,
    from_day      date        not null,
    until_day     date        not null,
    ingestion_date date       not null,
    state         text        not null check (state in ('open', 'complete', 'incomplete')),
    began_at      timestamptz not null default clock_timestamp(),
    began_day     date        not null,
    finished_at   timestamptz,
    manifest_path text,
    records_count bigint      not null default 0 check (records_count >= 0),
    objects_count bigint      not null default 0 check (objects_count >= 0),
    unique (entity, lake_id, run_id),
    check (from_day < until_day),
    check ((state = 'open') = (finished_at is null)),
    check ((state = 'open') = (manifest_path is null))
);
create unique index extractions_open_idx on evo.extractions (entity, lake_id) where state = 'open';
comment on table evo.extractions is 'One row per run of bronze that evo extract writes. At most one of an entity and lake is open.';
comment on column evo.extractions.until_day is 'First day that is not in it, in the entity''s zone.';
comment on column evo.extractions.began_day is 'Day on which it began, in the entity''s zone: the next one begins there at the latest.';
comment on column evo.extractions.state is 'open: windows are still to be fetched. incomplete: its manifest is written, and windows failed.';

create table evo.windows (
    window_id      bigint      generated always as identity primary key,
    extraction_id  bigint      not null references evo.extractions,
    entity         text        not null,
    run_id         text        not null,
    query          text        not null,
    from_day       date        not null,
    until_day      date        not null,
    is_hole        boolean     not null default false,
    state          text        not null check (state in ('planned', 'claimed', 'complete', 'failed', 'replaced')),
    execution_id   uuid,
    lease_until    timestamptz,
    fence          integer     not null default 0,
    attempt        integer     not null default 0,
    drifts_count   integer     not null default 0,
    pages_count    bigint      not null default 0,
    requests_count bigint      not null default 0,
    records_count  bigint      not null default 0,
    objects        jsonb       not null default '[]',
    parts_count    integer     not null default 0,
    progress       jsonb,
    reason         text,
    started_at     timestamptz,
    finished_at    timestamptz,
    check (from_day < until_day),
    check ((state = 'claimed') = (execution_id is not null and lease_until is not null)),
    check ((state = 'failed') = (reason is not null))
);
create index windows_open_idx on evo.windows (extraction_id, window_id) where state in ('planned', 'claimed');
create index windows_failed_idx on evo.windows (entity, window_id) where state = 'failed';
create index windows_entity_idx on evo.windows (entity, query, from_day, until_day);
comment on table evo.windows is 'Stretches of days of an extraction, claimed one by one, as batches of a load are.';
comment on column evo.windows.query is 'Name of the entity''s query; empty for the first.';
comment on column evo.windows.is_hole is 'It failed in an earlier extraction and is fetched first.';
comment on column evo.windows.drifts_count is 'How often it was read again because the set moved between two pages.';
comment on column evo.windows.objects is 'Finished objects: path, records, bytes, sha256.';
comment on column evo.windows.parts_count is 'Highest number of an object that may have been begun: what lies beyond the finished ones is removed at the end.';
comment on column evo.windows.progress is 'Where the next object begins: position of the next page, and the hash of the last record.';
comment on column evo.windows.reason is 'Why it failed.';

create table evo.pace (
    credential     text        primary key,
    slot_at        timestamptz not null default '-infinity',
    next_at        timestamptz not null default '-infinity',
    paused_until   timestamptz not null default '-infinity',
    slowdown       float8      not null default 1 check (slowdown between 1 and 32),
    requests_count bigint      not null default 0
);
comment on table evo.pace is 'One row per credential of a source: when its next request may be sent, by whichever process.';
comment on column evo.pace.slot_at is 'First slot of the latest reservation.';
comment on column evo.pace.next_at is 'First slot that nobody has reserved.';
comment on column evo.pace.slowdown is 'Factor on the pause between two requests: doubled by a refusal, back to 1 little by little.';
