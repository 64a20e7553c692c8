-- purpose: read the state of one dimension
-- parameters: $1 dimension text, $2 source entities text[], $3 whether it must be rebuilt boolean
-- rows: one: batches that its sources have transformed and it has not, all of them if it must be rebuilt;
--       last transform, last rebuild, as ISO 8601 in UTC
-- locks: none
-- idempotent: reads only
select
    (select count(*) from evo.model_batches s where s.entity = any($2)
       and ($3 or not exists (select from evo.model_batches d where d.entity = $1 and d.batch_id = s.batch_id))),
    (select to_char(max(greatest(refreshed_at, incremental_at)) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        from evo.models where entity = $1),
    (select to_char(max(refreshed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') from evo.models
        where entity = $1)
