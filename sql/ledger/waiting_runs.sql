-- purpose: runs with objects that wait, and what is known of each, to tell finished runs from unfinished ones
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null
-- rows: run id, objects of the run at present, records, parts, errors of its manifest or nulls, whether a manifest is known,
--       whether it is the newest run, whether an older run has a manifest; oldest run first
with waiting as (
    select distinct run_id
    from evo.objects
    where entity = $1 and state = 'pending'
      and ($2::text is null or run_id = $2)
      and ($3::date is null or ingestion_date >= $3)
)
select
    w.run_id,
    (select count(distinct o.path) from evo.objects o where o.entity = $1 and o.run_id = w.run_id and o.state <> 'gone'),
    m.records_count, m.parts_count, m.errors_count, m.run_id is not null,
    w.run_id = (select max(o.run_id collate "C") from evo.objects o where o.entity = $1),
    exists (select from evo.manifests x where x.entity = $1 and x.run_id collate "C" < w.run_id collate "C")
from waiting w
left join evo.manifests m on m.entity = $1 and m.run_id = w.run_id
order by w.run_id collate "C"
