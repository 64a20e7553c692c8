-- purpose: verify objects against the manifest of their run; keep how far the records of a window reach
-- locks: exclusive on evo.manifests and evo.windows for a moment, to add columns

create table evo.manifest_objects (
    lake_id    integer not null references evo.lakes,
    entity     text    not null,
    path       text    not null,
    run_id     text    not null,
    size_bytes bigint  not null check (size_bytes >= 0),
    sha256     bytea   not null check (octet_length(sha256) = 32),
    primary key (lake_id, entity, path)
);
create index manifest_objects_run_idx on evo.manifest_objects (lake_id, entity, run_id);
comment on table evo.manifest_objects is 'What the manifest of a run says of each of its objects.';
comment on column evo.manifest_objects.size_bytes is 'Compressed size.';
comment on column evo.manifest_objects.sha256 is 'Digest of the compressed bytes.';

alter table evo.manifests add column lists_objects boolean not null default false;
comment on column evo.manifests.lists_objects is 'It lists all objects of the run, with size and digest: an object that is not among them does not belong to the run.';

alter table evo.windows add column newest_day date;
comment on column evo.windows.newest_day is 'Newest day in the field that tells when its records changed, where the query declares one; null when there was no record.';
comment on column evo.extractions.began_day is 'Day on which it began, in the entity''s zone, by the clock of the database or of the source, whichever was behind, and not beyond the newest change that the source showed: the next one begins there at the latest.';
