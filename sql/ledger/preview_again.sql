-- purpose: list the objects that --all-runs would load again (forget_loaded.sql, read only)
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $5 object ids
--             that are gone bigint[], $6 paths of which the listing shows a later version text[]
-- rows: object id
-- locks: none
-- idempotent: reads only
select o.object_id
from evo.objects o
where o.entity = $1 and o.lake_id = $2 and o.state in ('loaded', 'quarantined') and o.run_id is not null
  and ($3::text is null or o.run_id = $3)
  and ($4::date is null or o.ingestion_date >= $4)
  and not exists (select from unnest($5::bigint[]) as gone (object_id) where gone.object_id = o.object_id)
  and not exists (select from unnest($6::text[]) as latest (path) where latest.path = o.path)
  and not exists (
      select from evo.objects newer
      where newer.lake_id = o.lake_id and newer.entity = o.entity and newer.path = o.path and newer.version > o.version
  )
