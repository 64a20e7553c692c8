-- purpose: objects that are set aside, acknowledged or not, or that vanished, are loaded by the next load
-- parameters: $1 entities text[], $2 states text[], $3 path pattern for like, or null, $4 run id or null
-- rows: entity, path, whether it waits now: what has no run cannot be loaded
-- idempotent
update evo.objects o
set state = case when o.run_id is null then o.state else 'pending' end, reason = case when o.run_id is null then o.reason end
where o.entity = any ($1) and o.state = any ($2) and o.state in ('quarantined', 'ignored', 'gone')
  and ($3::text is null or o.path like $3)
  and ($4::text is null or o.run_id = $4)
  and not exists (
      select from evo.objects other
      where other.lake_id = o.lake_id and other.entity = o.entity and other.path = o.path and other.version > o.version
  )
returning o.entity, o.path, o.state = 'pending'
