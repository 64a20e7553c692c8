-- What was marked in core and in staging stays: alter table … drop column _deleted_at, where an entity has it.
drop table evo.mark_transactions;
drop table evo.followed_batches;
drop table evo.followed_runs;
