-- purpose: tell whether anything was committed of an entity since the last time
-- parameters: $1 entity text
-- rows: one: a text that differs when it was
-- locks: none
-- idempotent: reads only
select concat_ws(' ',
    (select count(*) || '/' || coalesce(sum(b.fence), 0) from evo.batches b where b.entity = $1 and b.state = 'committed'),
    (select count(*) || '/' || coalesce(max(m.batch_id), 0) from evo.model_batches m where m.entity = $1),
    (select sum(m.generation) || '/' || max(m.incremental_at) from evo.models m where m.entity = $1))
