-- purpose: list the runs with pending objects, and what is known of each, to tell finished runs from
--          unfinished ones
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null
-- placeholders: {objects} evo.objects, or the text of preview_objects.sql; {manifests} evo.manifests, or the
--               text of preview_manifests.sql; {listed} evo.manifest_objects, or the text of
--               preview_listed.sql
-- rows: run id; objects of the run at present; records, parts and errors of its manifest, or nulls; whether a
--       manifest is known; whether it is the newest run; whether an older run has a manifest; whether objects
--       of it lie on a later date than its manifest; whether evo extracts it and has not written its manifest
--       yet; the objects that its manifest lists and that are not there, and the path of one; how many
--       objects are pending. Oldest run first
-- locks: none
-- idempotent: reads only
-- A run that lies on several dates is one run, and as new as the last of them.
with waiting as (
    select w.run_id, w.run_order, d.day, d.objects, d.pending
    from (
        select distinct p.run_id, p.run_order
        from {objects} p
        where p.entity = $1 and p.lake_id = $2 and p.state = 'pending'
          and ($3::text is null or p.run_id = $3)
          and ($4::date is null or p.ingestion_date >= $4)
    ) w
    cross join lateral (
        select max(coalesce(o.ingestion_date, '-infinity')) as day,
               count(distinct o.path) filter (where o.state <> 'gone') as objects,
               count(*) filter (where o.state = 'pending') as pending
        from {objects} o
        where o.entity = $1 and o.lake_id = $2 and o.run_id = w.run_id
    ) d
),
absent as (
    select w.run_id, count(*) as objects, min(l.path collate "C") as path
    from waiting w
    join {listed} l on l.entity = $1 and l.lake_id = $2 and l.run_id = w.run_id
    where not exists (
        select 1 from {objects} o
        where o.entity = $1 and o.lake_id = $2 and o.path = l.path and o.state <> 'gone'
    )
    group by w.run_id
)
select
    w.run_id, w.objects, m.records_count, m.parts_count, m.errors_count, m.run_id is not null,
    not exists (
        select 1 from {objects} o
        where o.entity = $1 and o.lake_id = $2 and o.run_id <> w.run_id
          and (coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C")
              > (w.day, w.run_order, w.run_id collate "C")
    ),
    exists (
        select 1 from {manifests} x
        where x.entity = $1 and x.lake_id = $2
          and (coalesce(x.ingestion_date, '-infinity'), x.run_order, x.run_id collate "C")
              < (w.day, w.run_order, w.run_id collate "C")
    ),
    coalesce(coalesce(m.ingestion_date, '-infinity') < w.day and m.run_id is not null, false),
    exists (
        select from evo.extractions e
        where e.entity = $1 and e.lake_id = $2 and e.run_id = w.run_id and (e.state = 'open' or m.run_id is null)
    ),
    coalesce(a.objects, 0), a.path, w.pending
from waiting w
left join {manifests} m on m.entity = $1 and m.lake_id = $2 and m.run_id = w.run_id
left join absent a on a.run_id = w.run_id
order by w.day, w.run_order, w.run_id collate "C"
