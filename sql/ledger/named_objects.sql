-- purpose: find the objects that a load is asked for by name: of each path the newest version, if it was
--          loaded or set aside
-- parameters: $1 entity text, $2 lake id int, $3 patterns of paths, for LIKE, text[]
-- rows: object id; older positions first
-- locks: none
-- idempotent: reads only
select o.object_id
from evo.objects o
where o.entity = $1 and o.lake_id = $2 and o.state in ('loaded', 'quarantined', 'pending') and o.run_id is not null
  and o.path like any ($3::text[])
  and not exists (
      select from evo.objects newer
      where newer.lake_id = o.lake_id and newer.entity = o.entity and newer.path = o.path and newer.version > o.version
  )
order by coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C", o.path collate "C"
