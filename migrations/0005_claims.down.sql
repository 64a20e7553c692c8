-- purpose: undo 0005; batches that are not committed are forgotten, their objects wait again
update evo.objects set batch_id = null where state = 'pending';
delete from evo.objects where state = 'gone';
delete from evo.batches where state <> 'committed';
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
    drop column lease_until,
    drop column fence,
    alter column token drop default,
    alter column execution_id set not null,
    alter column started_at set not null;
