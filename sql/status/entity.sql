-- purpose: read the state of one entity
-- parameters: $1 entity text
-- rows: one: objects loaded, pending, quarantined; open rejects; batches to transform; issues; newest loaded
--       run; last load, last transform, last full refresh, as ISO 8601 in UTC
-- locks: none
-- idempotent: reads only
select
    (select count(*) from evo.objects where entity = $1 and state = 'loaded'),
    (select count(*) from evo.objects where entity = $1 and state = 'pending'),
    (select count(*) from evo.objects where entity = $1 and state = 'quarantined'),
    (select count(*) from evo.rejects where entity = $1 and resolved_at is null),
    (select count(*) from evo.batches b where b.entity = $1 and b.state = 'committed'
       and not exists (select from evo.model_batches m where m.entity = b.entity and m.batch_id = b.batch_id)),
    (select count(*) from evo.issues where entity = $1),
    (select run_id from evo.objects where entity = $1 and state = 'loaded'
     order by coalesce(ingestion_date, '-infinity') desc, run_order desc, run_id collate "C" desc limit 1),
    (select to_char(max(committed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') from evo.batches
        where entity = $1),
    (select to_char(max(greatest(refreshed_at, incremental_at)) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        from evo.models where entity = $1),
    (select to_char(max(refreshed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') from evo.models
        where entity = $1)
