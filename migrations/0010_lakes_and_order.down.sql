-- Refused by the unique constraint where two lakes hold the same object. What was acknowledged is set aside again.
drop index evo.objects_aside_idx;
drop index evo.batches_open_idx;
create index batches_open_idx on evo.batches (entity, run_id collate "C", first_path collate "C") where state <> 'committed';
alter table evo.manifests
    drop constraint manifests_pkey, drop column run_order, drop column ingestion_date, drop column lake_id,
    add primary key (entity, run_id);
alter table evo.batches
    drop column again_lines_count, drop column again_objects_count, drop column run_order, drop column ingestion_date, drop column lake_id;
update evo.objects
set state = 'quarantined', reason = coalesce(reason, 'the path has no run_id=… segment, so its age is unknown')
where state = 'ignored' or (run_id is null and state = 'gone');
update evo.objects set loaded_at = null where state <> 'loaded' and loaded_at is not null;
alter table evo.objects
    drop constraint objects_loaded_check,
    add constraint objects_check check ((state = 'loaded') = (batch_id is not null and loaded_at is not null)),
    drop constraint objects_run_check,
    add constraint objects_check2 check (run_id is not null or state = 'quarantined'),
    drop constraint objects_reason_check,
    add constraint objects_check1 check ((state = 'quarantined') = (reason is not null)),
    drop constraint objects_state_check,
    add constraint objects_state_check check (state in ('pending', 'loaded', 'quarantined', 'gone')),
    drop constraint objects_identity_key,
    add constraint objects_entity_path_etag_key unique (entity, path, etag),
    drop column seen_at, drop column version, drop column run_order, drop column lake_id;
drop sequence evo.objects_version_seq;
drop function evo.compare_places(date, text, text, date, text, text);
drop function evo.run_order(text);
drop table evo.lake_addresses;
drop table evo.lakes;
