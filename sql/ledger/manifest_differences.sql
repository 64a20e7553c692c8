-- purpose: find completely loaded runs whose objects hold another number of lines than their manifest says
-- parameters: $1 entity text, $2 lake id int, $3 run ids text[], $4 the newest loaded run as well boolean
-- rows: run id, records by the manifest, lines of the objects; oldest run first. Runs of which anything is
--       pending or quarantined are left out
-- locks: none
-- idempotent: reads only
with wanted as (
    select run_id from unnest($3::text[]) as r (run_id)
    union
    (select b.run_id
     from evo.batches b
     where $4::boolean and b.entity = $1 and b.lake_id = $2 and b.state = 'committed'
     order by coalesce(b.ingestion_date, '-infinity') desc, b.run_order desc, b.run_id collate "C" desc
     limit 1)
)
select m.run_id, m.records_count, sum(o.lines_count)::bigint
from evo.manifests m
join (
    select distinct on (path) run_id, path, state, lines_count
    from evo.objects
    where entity = $1 and lake_id = $2 and run_id in (select run_id from wanted)
    order by path, version desc
) o on o.run_id = m.run_id
where m.entity = $1 and m.lake_id = $2 and m.records_count is not null
group by m.lake_id, m.entity, m.run_id
having bool_and(o.state = 'loaded') and sum(o.lines_count) <> m.records_count
order by min(coalesce(m.ingestion_date, '-infinity')), min(m.run_order), m.run_id collate "C"
