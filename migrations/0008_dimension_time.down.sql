-- purpose: undo 0008; the next transform builds the dimensions anew
alter table core.evo_branches drop column _source_time, add column _source_run_id text;
alter table core.evo_employees drop column _source_time, add column _source_run_id text;
delete from evo.dimension_sources;
