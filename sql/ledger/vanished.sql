-- purpose: find those objects, missing when they were to be read, of which the lake shows no other version
-- parameters: $1 object ids bigint[]
-- rows: path; sorted
-- locks: none
-- idempotent: reads only
select g.path
from evo.objects g
where g.object_id = any($1) and g.state = 'gone'
  and not exists (
      select from evo.objects other
      where other.lake_id = g.lake_id and other.entity = g.entity and other.path = g.path
        and other.object_id <> g.object_id
        and (other.version > g.version or other.state in ('pending', 'loaded') and other.seen_at >= g.seen_at)
  )
order by g.path collate "C"
