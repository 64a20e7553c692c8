-- purpose: a ledger that forgets nothing: the lake of an object, one order of runs, versions that come back, what was
--          acknowledged, and what was loaded again
-- locks: ACCESS EXCLUSIVE on evo.objects and evo.batches while both are rewritten, some seconds for a million objects. A load
--        of an older version that lists the lake meanwhile fails and is run again

-- Lakes. One may be known under several addresses: a mount elsewhere, a folder that was moved, an account that is named or not.
create table evo.lakes (
    lake_id  integer     generated always as identity primary key,
    added_at timestamptz not null default clock_timestamp()
);
comment on table evo.lakes is 'Lakes whose objects are in evo.objects. The first one belongs to whoever loads first.';
comment on column evo.lakes.added_at is 'When the ledger was told of it.';
insert into evo.lakes default values;

create table evo.lake_addresses (
    address  text        primary key,
    lake_id  integer     not null references evo.lakes,
    added_at timestamptz not null default clock_timestamp()
);
comment on table evo.lake_addresses is 'Addresses under which a lake is known; see `evo objects lakes`.';
comment on column evo.lake_addresses.address is 'A folder''s path without links, or account, container and prefix. Never a credential.';
comment on column evo.lake_addresses.lake_id is 'The lake that it leads to.';
comment on column evo.lake_addresses.added_at is 'When it was first used.';

-- The order of runs. A number in a run's id is written as its length and its digits, without leading zeros, so that texts
-- compare as their numbers do: 9 < 10. src/bronze/order.rs is the same in Rust, and a test compares them.
create function evo.run_order(run_id text) returns text
language sql immutable parallel safe
return (
    select coalesce(string_agg(case when p.digits is null then p.part else lpad(length(p.digits)::text, 4, '0') || p.digits end, '' order by p.place), '')
    from (
        select
            m.part[1] as part, m.place,
            case when m.part[1] collate "C" >= '0' and m.part[1] collate "C" < ':'
                 then case when ltrim(m.part[1], '0') = '' then '0' else ltrim(m.part[1], '0') end end as digits
        from regexp_matches(run_id collate "C", '[0-9]+|[^0-9]+', 'g') with ordinality as m (part, place)
    ) p
);
comment on function evo.run_order is 'A text that sorts by bytes as the run ids do, with numbers read as numbers; two ids may have the same.';

-- Which of two places in a lake is newer: by ingestion date, then run, then path. No date is older than any. Ids of one
-- shape, which is the usual case, compare as they are; the planner inlines all of it.
create function evo.compare_places(a_date date, a_run text, a_path text, b_date date, b_run text, b_path text) returns integer
language sql immutable parallel safe
return case
    when a_date is distinct from b_date then
        case when coalesce(a_date, '-infinity') < coalesce(b_date, '-infinity') then -1 else 1 end
    when a_run collate "C" = b_run then
        case when a_path collate "C" = b_path then 0 when a_path collate "C" < b_path then -1 else 1 end
    when translate(a_run, '0123456789', '0000000000') collate "C" = translate(b_run, '0123456789', '0000000000') then
        case when a_run collate "C" < b_run then -1 else 1 end
    when evo.run_order(a_run) collate "C" = evo.run_order(b_run) then
        case when a_run collate "C" < b_run then -1 else 1 end
    when evo.run_order(a_run) collate "C" < evo.run_order(b_run) then -1
    else 1
end;
comment on function evo.compare_places is 'Below zero when the first place is older than the second, above when it is newer, zero when they are the same.';

-- Objects: the lake, the place in the order, and which version of a path was listed last.
create sequence evo.objects_version_seq as bigint;
comment on sequence evo.objects_version_seq is 'Draws evo.objects.version.';
alter table evo.objects
    add column lake_id integer not null default 1 references evo.lakes,
    add column run_order text collate "C" generated always as (evo.run_order(run_id)) stored,
    add column version bigint not null default nextval('evo.objects_version_seq'),
    add column seen_at timestamptz not null default clock_timestamp(),
    drop constraint objects_entity_path_etag_key,
    add constraint objects_identity_key unique (lake_id, entity, path, etag),
    drop constraint objects_state_check,
    add constraint objects_state_check check (state in ('pending', 'loaded', 'quarantined', 'ignored', 'gone')),
    drop constraint objects_check,
    add constraint objects_loaded_check check (state <> 'loaded' or (batch_id is not null and loaded_at is not null)),
    drop constraint objects_check1,
    add constraint objects_reason_check check (case state when 'quarantined' then reason is not null when 'ignored' then true else reason is null end),
    drop constraint objects_check2,
    add constraint objects_run_check check (run_id is not null or state in ('quarantined', 'ignored', 'gone'));
update evo.objects set version = object_id;
select setval('evo.objects_version_seq', coalesce((select max(object_id) from evo.objects), 0) + 1);
comment on column evo.objects.state is
    'pending; loaded; quarantined: set aside, with the reason; ignored: set aside, and a person said that it may be; gone: replaced or deleted before it was loaded.';
comment on column evo.objects.loaded_at is 'When it was loaded last; also of one that is to be loaded again, or that vanished before it was.';
comment on column evo.objects.reason is 'Why it was set aside.';
comment on column evo.objects.lake_id is 'The lake that holds it.';
comment on column evo.objects.run_order is 'evo.run_order of its run.';
comment on column evo.objects.version is 'Of two objects with one path the greater one was listed last.';
comment on column evo.objects.seen_at is 'When it was listed first or came back; of an object that is set aside, when it was listed last.';
comment on table evo.objects is 'Every bronze object seen. Identity is lake, path and etag: a replaced object is a new row.';

-- Batches are of one lake, one date and one run, so that they are in the order of their places; and know what was taken from them.
alter table evo.batches
    add column lake_id integer not null default 1 references evo.lakes,
    add column ingestion_date date,
    add column run_order text collate "C" generated always as (evo.run_order(run_id)) stored,
    add column again_objects_count integer not null default 0,
    add column again_lines_count bigint not null default 0;
update evo.batches b
set ingestion_date = o.ingestion_date
from (select batch_id, max(ingestion_date) as ingestion_date from evo.objects group by batch_id) o
where o.batch_id = b.batch_id;
-- What was loaded again before this was counted: whatever a batch has loaded and does not hold any more.
update evo.batches b
set again_objects_count = greatest(b.objects_count - o.objects, 0), again_lines_count = greatest(b.lines_count - o.lines, 0)
from (
    select c.batch_id, count(x.object_id)::integer as objects, coalesce(sum(x.lines_count), 0)::bigint as lines
    from evo.batches c
    left join evo.objects x on x.batch_id = c.batch_id and x.state = 'loaded'
    where c.state = 'committed'
    group by c.batch_id
) o
where o.batch_id = b.batch_id and (o.objects <> b.objects_count or o.lines <> b.lines_count);
comment on column evo.batches.lake_id is 'The lake of its objects.';
comment on column evo.batches.ingestion_date is 'The date of its objects.';
comment on column evo.batches.run_order is 'evo.run_order of its run.';
comment on column evo.batches.again_objects_count is 'Of its objects, those that were planned again since, by --all-runs or a replay.';
comment on column evo.batches.again_lines_count is 'Their lines.';
-- Planned batches are grouped anew by the next load; those of two dates must not be claimed before.
update evo.objects set batch_id = null where batch_id in (select batch_id from evo.batches where state = 'planned');
delete from evo.batches where state = 'planned';
drop index evo.batches_open_idx;
create index batches_open_idx on evo.batches
    (entity, lake_id, coalesce(ingestion_date, '-infinity'), run_order, run_id collate "C", first_path collate "C") where state <> 'committed';
-- Manifests are of a lake, and their runs have a place in the order.
alter table evo.manifests
    add column lake_id integer not null default 1 references evo.lakes,
    add column ingestion_date date,
    add column run_order text collate "C" generated always as (evo.run_order(run_id)) stored,
    drop constraint manifests_pkey,
    add primary key (lake_id, entity, run_id);
update evo.manifests m
set ingestion_date = o.ingestion_date
from (select entity, run_id, max(ingestion_date) as ingestion_date from evo.objects group by entity, run_id) o
where o.entity = m.entity and o.run_id = m.run_id;
comment on column evo.manifests.lake_id is 'The lake that holds it.';
comment on column evo.manifests.ingestion_date is 'The date in its path: the last of the run.';
comment on column evo.manifests.run_order is 'evo.run_order of its run.';
-- What the end of every load asks for.
create index objects_aside_idx on evo.objects (entity, lake_id) where state in ('quarantined', 'ignored', 'gone');
