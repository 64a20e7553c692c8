drop index evo.batches_committed_at_idx;
drop index evo.batches_execution_id_idx;
drop index evo.windows_finished_by_idx;
alter table evo.windows drop column finished_by;
alter table evo.runs
    drop column measures,
    drop column seen_at,
    drop column process_id,
    drop column container_execution,
    drop column machine;
