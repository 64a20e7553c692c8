-- purpose: find out whether anything that the pages show can have changed
-- rows: one: a text that differs when it can; null while an execution is running, whose pages change by the minute.
--       Whether the database has Citus: of distributed tables the shards have to be asked
-- locks: none
-- idempotent: reads only
-- Rows of the catalog are told by the transaction that wrote them; ANALYZE and VACUUM, which write in place, by their
-- counts; rows of tables by the numbers of those that were written. What evo catalog itself reads is not counted.
select case when not exists (select from evo.runs where state = 'running') then concat_ws(' ',
    (select count(*) || '/' || sum(xmin::text::bigint) || '/' || sum(greatest(reltuples, 0)) || '/' || sum(relpages)
     from pg_class where relnamespace not in ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace, 'evo'::regnamespace)),
    (select count(*) || '/' || sum(xmin::text::bigint) from pg_attribute where attrelid >= 16384 and attnum > 0),
    (select count(*) || '/' || sum(xmin::text::bigint) from pg_index where indrelid >= 16384),
    (select count(*) || '/' || sum(xmin::text::bigint) from pg_constraint),
    (select count(*) || '/' || sum(xmin::text::bigint) from pg_rewrite where oid >= 16384),
    (select count(*) || '/' || sum(xmin::text::bigint) from pg_proc where oid >= 16384),
    (select count(*) || '/' || sum(xmin::text::bigint) from pg_description where objoid >= 16384),
    (select count(*) || '/' || sum(xmin::text::bigint) from pg_namespace),
    (select sum(n_tup_ins + n_tup_upd + n_tup_del) || '/' || sum(n_dead_tup) || '/'
        || sum(vacuum_count + autovacuum_count + analyze_count + autoanalyze_count)
     from pg_stat_all_tables where schemaname !~ '^pg_' and schemaname <> 'information_schema'),
    (select sum(idx_scan) from pg_stat_all_indexes where schemaname !~ '^pg_' and schemaname <> 'evo'),
    (select count(*) || '/' || max(started_at) || '/' || max(finished_at) from evo.runs),
    (select max(batch_id) || '/' || max(committed_at) from evo.batches),
    (select max(greatest(refreshed_at, incremental_at)) from evo.models))
end, to_regclass('pg_catalog.pg_dist_shard') is not null
