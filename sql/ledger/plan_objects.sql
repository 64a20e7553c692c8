-- purpose: plan batches of some pending objects that are in no batch yet, and of no others
-- parameters: $1 object ids bigint[], $2 objects per batch bigint
-- rows: none; the command tag counts the objects
-- locks: the objects' rows, until commit; the caller holds the entity's planning lock, so that nobody plans
--        the same objects
-- idempotent: what is in a batch is not planned again
with chosen as materialized (
    select
        o.object_id, o.entity, o.lake_id, o.run_id, o.ingestion_date, o.path, o.size_bytes,
        (row_number() over (partition by o.run_id, o.ingestion_date order by o.path collate "C", o.object_id) - 1) / $2 as group_no
    from evo.objects o
    where o.object_id = any ($1) and o.state = 'pending' and o.batch_id is null
),
batch as materialized (
    select
        entity, lake_id, run_id, ingestion_date, group_no, gen_random_uuid() as token,
        min(path collate "C") as first_path, max(path collate "C") as last_path, count(*) as objects_count,
        sum(size_bytes) as bytes
    from chosen
    group by entity, lake_id, run_id, ingestion_date, group_no
),
planned as (
    insert into evo.batches
        (token, entity, lake_id, run_id, ingestion_date, first_path, last_path, objects_count, attempt, state, bytes)
    select token, entity, lake_id, run_id, ingestion_date, first_path, last_path, objects_count, 0, 'planned', bytes
    from batch
    order by coalesce(ingestion_date, '-infinity'), evo.run_order(run_id) collate "C", run_id collate "C",
             first_path collate "C"
    returning batch_id, token
)
update evo.objects o
set batch_id = p.batch_id
from chosen c
join batch b
    on b.run_id = c.run_id and b.ingestion_date is not distinct from c.ingestion_date and b.group_no = c.group_no
join planned p on p.token = b.token
where o.object_id = c.object_id
