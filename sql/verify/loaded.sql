-- purpose: list what was loaded, to find out what the lake no longer holds
-- parameters: $1 entity text, $2 lake id int, $3 begin of the listing timestamptz
-- rows: object id of the newest loaded version of each path, path, ingestion date, run id
-- locks: none
-- idempotent: reads only
select o.object_id, o.path, o.ingestion_date, o.run_id
from evo.objects o
where o.entity = $1 and o.lake_id = $2 and o.state = 'loaded' and o.seen_at < $3
  and not exists (
      select from evo.objects newer
      where newer.lake_id = o.lake_id and newer.entity = o.entity and newer.path = o.path and newer.version > o.version
        and newer.state = 'loaded' and newer.seen_at < $3
  )
