-- purpose: find out whether anything was loaded, transformed or run since the last time
-- rows: one: a text that differs when it was
-- locks: none
-- idempotent: reads only
select concat_ws(' ',
    (select count(*) filter (where state <> 'running') || '/' || count(*) from evo.runs),
    (select max(batch_id) || '/' || max(committed_at) from evo.batches),
    (select max(greatest(refreshed_at, incremental_at)) from evo.models))
