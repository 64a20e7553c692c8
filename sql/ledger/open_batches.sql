-- purpose: sum up what is planned and not committed, run by run
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null
-- rows: run id, batches, objects, compressed bytes; oldest run first
-- locks: none
-- idempotent: reads only
select b.run_id, count(*), sum(b.objects_count)::bigint, sum(b.bytes)::bigint
from evo.batches b
where b.entity = $1 and b.lake_id = $2 and b.state <> 'committed'
  and ($3::text is null or b.run_id = $3)
  and ($4::date is null or b.ingestion_date >= $4)
group by b.run_id
order by min(coalesce(b.ingestion_date, '-infinity')), min(b.run_order), b.run_id collate "C"
