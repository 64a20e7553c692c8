-- purpose: batches are planned in the ledger and claimed from it, so that any number of executions share a load
-- A batch goes planned → claimed → committed. A claim is a lease: it ends when its time is over, or when its execution is
-- gone (evo.is_running). Each claim raises the fence, and only the holder of the present fence can commit the batch.
alter table evo.batches
    alter column token set default gen_random_uuid(),
    alter column execution_id drop not null,
    alter column started_at drop not null,
    drop constraint batches_attempt_check,
    drop constraint batches_state_check,
    add column fence integer not null default 0,
    add column lease_until timestamptz,
    add constraint batches_attempt_check check (attempt >= 0),
    add constraint batches_state_check check (state in ('planned', 'claimed', 'committed')),
    add constraint batches_claim_check check (state = 'planned' or (execution_id is not null and started_at is not null)),
    add constraint batches_lease_check check ((state = 'claimed') = (lease_until is not null));
create index batches_open_idx on evo.batches (entity, run_id collate "C", first_path collate "C") where state <> 'committed';
comment on table evo.batches is 'Objects that are loaded in one transaction: planned, claimed by an execution, committed.';
comment on column evo.batches.token is 'Identity of the batch outside of this database.';
comment on column evo.batches.fence is 'Raised by every claim and every attempt; a commit under an older one is refused.';
comment on column evo.batches.lease_until is 'Until when the claim holds unless it is renewed; afterwards anybody may take the batch over.';
comment on column evo.batches.attempt is 'Attempts begun, over all executions.';

alter table evo.objects
    drop constraint objects_state_check,
    add constraint objects_state_check check (state in ('pending', 'loaded', 'quarantined', 'gone'));
comment on column evo.objects.state is 'pending; loaded; quarantined: unreadable; gone: replaced or deleted before it was loaded.';
comment on column evo.objects.batch_id is 'Batch that has loaded it, or for which it is planned.';
create index objects_unplanned_idx on evo.objects (entity, run_id, path) where state = 'pending' and batch_id is null;

-- What an object has seen without touching it. Of batches that were loaded before this table was, the set goes to their first object.
create table evo.seen_keys (
    object_id bigint primary key references evo.objects,
    keys      bytea  not null
);
comment on table evo.seen_keys is 'Keys that an object had and staging held already, with the same content, from an older object: not touched, but seen.';
comment on column evo.seen_keys.keys is 'Sorted, differences as LEB128.';
insert into evo.seen_keys (object_id, keys)
select distinct on (b.batch_id) o.object_id, b.seen_keys
from evo.batches b
join evo.objects o on o.batch_id = b.batch_id
where b.seen_keys is not null
order by b.batch_id, o.path collate "C";
alter table evo.batches drop column seen_keys;

-- A corrected text for a refused line: whenever the object is read, it stands in the line's place.
alter table evo.rejects add column fixed_line bytea;
comment on column evo.rejects.fixed_line is 'The document that belongs in the line''s place, as JSON; given by `evo rejects replay --file`.';
create index rejects_fixed_idx on evo.rejects (object_id) where fixed_line is not null;

-- Whether the execution is alive: a running one holds an advisory lock on its id for as long as its connection lives.
create function evo.is_running(execution uuid) returns boolean
language sql stable
as $$
    select exists (
        select from pg_catalog.pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
          and database = (select oid from pg_catalog.pg_database where datname = current_database())
          and (classid::bigint << 32 | objid::bigint) = hashtextextended('evo:execution:' || execution, 0)
    )
$$;
comment on function evo.is_running is 'Whether an execution is alive, by the advisory lock that it holds.';

-- Manifests of finished runs, so that what was loaded can be held against what was extracted.
create table evo.manifests (
    entity        text        not null,
    run_id        text        not null,
    path          text        not null,
    etag          text        not null,
    records_count bigint      check (records_count >= 0),
    parts_count   bigint      check (parts_count >= 0),
    errors_count  bigint      check (errors_count >= 0),
    read_at       timestamptz not null default clock_timestamp(),
    primary key (entity, run_id)
);
comment on table evo.manifests is 'What the manifest of an extraction says of its run.';
comment on column evo.manifests.records_count is 'Lines of all its objects together.';
comment on column evo.manifests.errors_count is 'Windows that could not be extracted.';
