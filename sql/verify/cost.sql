-- purpose: sum up what reading all loaded objects again would read
-- parameters: $1 entity text, $2 lake id int
-- rows: one: objects, compressed bytes, lines
-- locks: none
-- idempotent: reads only
select count(*), coalesce(sum(o.size_bytes), 0)::bigint, coalesce(sum(o.lines_count), 0)::bigint
from evo.objects o
where o.entity = $1 and o.lake_id = $2 and o.state = 'loaded'
  and not exists (
      select from evo.objects newer
      where newer.lake_id = o.lake_id and newer.entity = o.entity and newer.path = o.path and newer.version > o.version
        and newer.state = 'loaded'
  )
