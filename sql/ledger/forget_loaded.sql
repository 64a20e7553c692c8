-- purpose: load objects again that are in or were set aside; an older version of a path cannot be read any more
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null, $4 only objects with open rejects boolean
-- rows: none; the command tag counts the objects
update evo.objects o
set state = 'pending', reason = null, batch_id = null, loaded_at = null,
    lines_count = 0, inserted_count = 0, updated_count = 0, unchanged_count = 0, superseded_count = 0, rejected_count = 0
where o.entity = $1 and o.state in ('loaded', 'quarantined') and o.run_id is not null
  and ($2::text is null or o.run_id = $2)
  and ($3::date is null or o.ingestion_date >= $3)
  and (not $4 or exists (select from evo.rejects r where r.object_id = o.object_id and r.resolved_at is null))
  and not exists (
      select from evo.objects newer
      where newer.entity = o.entity and newer.path = o.path and newer.object_id > o.object_id
  )
