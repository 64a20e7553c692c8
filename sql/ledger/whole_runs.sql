-- purpose: list the loaded runs of an entity that hold everything that their source had
-- parameters: $1 entity text, $2 a run that evo did not extract is a snapshot boolean, $3 an extraction of any
--             days holds everything boolean, $4 zone text
-- rows: ingestion date or null, run id, when it was made timestamptz or null; oldest first
-- locks: none
-- idempotent: reads only
-- In doubt a run does not hold everything: something of it is pending, set aside, rejected or fewer than its
-- manifest says; its manifest lists an object that is not there; it lies on several dates, so that its place
-- among the runs is not one; it lacks the manifest that others have. An extraction of days holds everything
-- if it goes back to the first day of all before it, up to the day on which it began, and nobody else brought
-- runs before it.
with present as (
    select distinct on (lake_id, path)
        lake_id, path, run_id, run_order, ingestion_date, state, lines_count, rejected_count
    from evo.objects
    where entity = $1 and run_id is not null
    order by lake_id, path, version desc
),
run as materialized (
    select
        lake_id, run_id, run_order, min(ingestion_date) as ingestion_date, count(*) as objects,
        sum(lines_count)::bigint as lines,
        bool_and(state = 'loaded') and sum(rejected_count) = 0
            and count(distinct coalesce(ingestion_date, '-infinity')) = 1 as is_loaded
    from present
    group by lake_id, run_id, run_order
),
absent as materialized (
    select l.lake_id, l.run_id
    from evo.manifest_objects l
    where l.entity = $1 and not exists (select from present p where p.lake_id = l.lake_id and p.path = l.path)
)
select r.ingestion_date, r.run_id, coalesce(e.began_at, r.ingestion_date::timestamp at time zone $4)
from run r
left join evo.extractions e on e.entity = $1 and e.lake_id = r.lake_id and e.run_id = r.run_id
left join evo.manifests m on m.entity = $1 and m.lake_id = r.lake_id and m.run_id = r.run_id
where r.is_loaded and case
    when e.extraction_id is null then
        $2 and coalesce(m.errors_count, 0) = 0
        and coalesce(m.parts_count <= r.objects, true) and coalesce(m.records_count = r.lines, true)
        and not exists (select from absent a where a.lake_id = r.lake_id and a.run_id = r.run_id)
        and (m.run_id is not null
             or not exists (select from evo.manifests x where x.entity = $1 and x.lake_id = r.lake_id))
    else
        e.state = 'complete' and e.objects_count = r.objects and e.records_count = r.lines
        and ($3 or (
            e.until_day > e.began_day
            and not exists (
                select from evo.extractions x
                where x.entity = $1 and x.began_at <= e.began_at and x.from_day < e.from_day
            )
            and not exists (
                select from run o
                where (coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C")
                    < (coalesce(r.ingestion_date, '-infinity'), r.run_order, r.run_id collate "C")
                  and not exists (
                      select from evo.extractions x
                      where x.entity = $1 and x.lake_id = o.lake_id and x.run_id = o.run_id
                  )
            )
        ))
    end
order by coalesce(r.ingestion_date, '-infinity'), r.run_order, r.run_id collate "C"
