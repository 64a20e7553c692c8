-- purpose: find completely loaded runs whose objects hold another number of lines than their manifest says
-- parameters: $1 entity text, $2 lake id int, $3 run ids text[]
-- rows: run id, records by the manifest, lines of the objects; oldest run first. Runs of which anything is
--       pending or quarantined are left out
-- locks: none
-- idempotent: reads only
select m.run_id, m.records_count, sum(o.lines_count)::bigint
from evo.manifests m
join (
    select distinct on (path) run_id, path, state, lines_count
    from evo.objects
    where entity = $1 and lake_id = $2 and run_id = any($3)
    order by path, version desc
) o on o.run_id = m.run_id
where m.entity = $1 and m.lake_id = $2 and m.run_id = any($3) and m.records_count is not null
group by m.lake_id, m.entity, m.run_id
having bool_and(o.state = 'loaded') and sum(o.lines_count) <> m.records_count
order by min(coalesce(m.ingestion_date, '-infinity')), min(m.run_order), m.run_id collate "C"
