-- purpose: make objects pending again that are quarantined, acknowledged or gone, for the next load to try
-- parameters: $1 entities text[], $2 states text[], $3 pattern of the path, for LIKE, text or null, $4 run id
--             text or null
-- rows: entity, path, whether it is pending now: an object without a run cannot be loaded
-- locks: the objects' rows, until commit
-- idempotent: what is pending already is not changed
update evo.objects o
set state = case when o.run_id is null then o.state else 'pending' end,
    reason = case when o.run_id is null then o.reason end
where o.entity = any ($1) and o.state = any ($2) and o.state in ('quarantined', 'ignored', 'gone')
  and ($3::text is null or o.path like $3)
  and ($4::text is null or o.run_id = $4)
  and not exists (
      select from evo.objects other
      where other.lake_id = o.lake_id and other.entity = o.entity and other.path = o.path and other.version > o.version
  )
returning o.entity, o.path, o.state = 'pending'
