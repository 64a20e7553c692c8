-- purpose: find runs some of whose objects vanished before they were loaded, although their manifest counts
--          or lists them
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null
-- rows: run id, objects by the manifest (as it counts them, or those that are there and those that it lists
--       in vain), objects that are there or were acknowledged, objects that vanished; oldest run first
-- locks: none
-- idempotent: reads only
with vanished as (
    select g.run_id, count(distinct g.path) as objects
    from evo.objects g
    where g.entity = $1 and g.lake_id = $2 and g.state = 'gone' and g.loaded_at is null
      and ($3::text is null or g.run_id = $3)
      and ($4::date is null or g.ingestion_date >= $4)
      and not exists (
          select from evo.objects other
          where other.lake_id = g.lake_id and other.entity = g.entity and other.path = g.path and other.state <> 'gone'
      )
    group by g.run_id
),
present as (
    select v.run_id, v.objects as vanished, (
        select count(distinct o.path) from evo.objects o
        where o.entity = $1 and o.lake_id = $2 and o.run_id = v.run_id and o.state <> 'gone'
    ) as objects, (
        select count(*) from evo.manifest_objects l
        where l.entity = $1 and l.lake_id = $2 and l.run_id = v.run_id
          and not exists (
              select from evo.objects o
              where o.entity = $1 and o.lake_id = $2 and o.path = l.path and o.state <> 'gone'
          )
    ) as absent
    from vanished v
)
select m.run_id, greatest(m.parts_count, p.objects + p.absent), p.objects, p.vanished
from present p
join evo.manifests m on m.entity = $1 and m.lake_id = $2 and m.run_id = p.run_id
where greatest(m.parts_count, p.objects + p.absent) > p.objects
order by coalesce(m.ingestion_date, '-infinity'), m.run_order, m.run_id collate "C"
