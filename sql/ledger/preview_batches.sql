-- purpose: find out what would be planned and not committed, run by run (plan_batches.sql and
--          open_batches.sql, read only)
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $12 batch ids
--             whose objects are grouped again bigint[]; and those of group_objects.sql and
--             preview_objects.sql
-- placeholders: {groups} the text of group_objects.sql over that of preview_objects.sql
-- rows: run id, batches, objects, compressed bytes; oldest run first
-- locks: none
-- idempotent: reads only
with {groups}
select p.run_id, count(*), sum(p.objects_count)::bigint, sum(p.bytes)::bigint
from (
    select b.run_id, b.run_order, b.ingestion_date, b.objects_count::bigint as objects_count, b.bytes
    from evo.batches b
    where b.entity = $1 and b.lake_id = $2 and b.state <> 'committed' and b.batch_id <> all ($12::bigint[])
      and ($3::text is null or b.run_id = $3)
      and ($4::date is null or b.ingestion_date >= $4)
    union all
    select b.run_id, evo.run_order(b.run_id) collate "C", b.ingestion_date, b.objects_count, b.bytes
    from batch b
) p
group by p.run_id
order by min(coalesce(p.ingestion_date, '-infinity')), min(p.run_order), p.run_id collate "C"
