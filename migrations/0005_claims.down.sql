-- purpose: undo 0005; batches that are not committed are forgotten, their objects wait again
update evo.objects set batch_id = null where state = 'pending';
delete from evo.batches where state <> 'committed';
alter table evo.batches add column seen_keys bytea;
comment on column evo.batches.seen_keys is
    'Keys whose staged content, written by an older object, was the same: not touched, but seen. Sorted, differences as LEB128.';
create index batches_seen_keys_idx on evo.batches (entity, run_id, first_path) where seen_keys is not null;
drop table evo.seen_keys;
alter table evo.rejects drop column fixed_line;
delete from evo.rejects r using evo.objects o where o.object_id = r.object_id and o.state = 'gone';
delete from evo.objects where state = 'gone';
drop table evo.manifests;
drop function evo.is_running;
drop index evo.objects_unplanned_idx;
alter table evo.objects
    drop constraint objects_state_check,
    add constraint objects_state_check check (state in ('pending', 'loaded', 'quarantined'));
drop index evo.batches_open_idx;
alter table evo.batches
    drop constraint batches_lease_check,
    drop constraint batches_claim_check,
    drop constraint batches_state_check,
    drop constraint batches_attempt_check,
    add constraint batches_state_check check (state in ('claimed', 'committed')),
    add constraint batches_attempt_check check (attempt > 0),
    drop column lease_until,
    drop column fence,
    alter column token drop default,
    alter column execution_id set not null,
    alter column started_at set not null;
