-- purpose: read the state of every entity
-- rows: entity; objects loaded, pending, quarantined; open rejects; committed batches that core does not have; issues;
--       newest loaded run; last load, ISO 8601 in UTC
-- locks: none
-- idempotent: reads only
with object as (
    select
        entity, count(*) filter (where state = 'loaded') as loaded, count(*) filter (where state = 'pending') as pending,
        count(*) filter (where state = 'quarantined') as quarantined
    from evo.objects
    group by entity
),
newest as (
    select distinct on (entity) entity, run_id
    from evo.objects
    where state = 'loaded'
    order by entity, coalesce(ingestion_date, '-infinity') desc, run_order desc, run_id collate "C" desc
),
batch as (
    select
        b.entity, max(b.committed_at) as loaded_at,
        count(*) filter (where m.batch_id is null) as waiting
    from evo.batches b
    left join evo.model_batches m on m.entity = b.entity and m.batch_id = b.batch_id
    where b.state = 'committed'
    group by b.entity
),
reject as (
    select entity, count(*) as open from evo.rejects where resolved_at is null group by entity
),
issue as (
    select entity, count(*) as found from evo.issues group by entity
)
select
    entity, coalesce(o.loaded, 0), coalesce(o.pending, 0), coalesce(o.quarantined, 0), coalesce(r.open, 0),
    coalesce(b.waiting, 0), coalesce(i.found, 0), n.run_id,
    to_char(b.loaded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from object o
full join batch b using (entity)
full join reject r using (entity)
full join issue i using (entity)
left join newest n using (entity)
order by entity collate "C"
