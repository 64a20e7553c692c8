-- purpose: plan batches of the pending objects that are in no batch yet
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $5 objects per
--             batch bigint or null, $6 runs that are left alone text[], $7 only objects with open rejects
--             boolean, $8 workers int, $9 cost of an object besides its bytes, in milliseconds, while nothing
--             is measured, double precision
-- placeholders: {groups} the text of group_objects.sql
-- rows: none; the command tag counts the objects
-- locks: the objects' rows, until commit; the caller holds the entity's planning lock, so that nobody plans
--        the same objects
-- idempotent: an object that is in a batch is not planned again
with {groups},
planned as (
    insert into evo.batches
        (token, entity, lake_id, run_id, ingestion_date, first_path, last_path, objects_count, attempt, state, bytes)
    select token, $1, $2, run_id, ingestion_date, first_path, last_path, objects_count, 0, 'planned', bytes
    from batch
    order by coalesce(ingestion_date, '-infinity'), evo.run_order(run_id) collate "C", run_id collate "C",
             first_path collate "C"
    returning batch_id, token
)
update evo.objects o
set batch_id = p.batch_id
from grouped g
join batch b
    on b.run_id = g.run_id and b.ingestion_date is not distinct from g.ingestion_date and b.group_no = g.group_no
join planned p on p.token = b.token
where o.object_id = g.object_id
