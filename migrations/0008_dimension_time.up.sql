-- purpose: dimensions are elected by the time that a document itself gives, not by the run that brought its present content: where content
--          stays the same from run to run, which of them is named depends on the order in which they are loaded
-- locks: readers of the two tables wait for a moment; the next transform builds all dimensions anew
-- A dimension of your own needs the column _source_time in its table and in its select. The old column goes at once, although an
-- older evo may still run: with it, that one would elect winners without a time; without it, its dimensions fail and the next run does them.

alter table core.evo_branches add column _source_time timestamptz, drop column _source_run_id;
alter table core.evo_employees add column _source_time timestamptz, drop column _source_run_id;

comment on column core.evo_branches._source_time is 'Latest time in the winning document, in whole seconds; null when it has none.';
comment on column core.evo_employees._source_time is 'Latest time in the winning document, in whole seconds; null when it has none.';

delete from evo.dimension_sources;
