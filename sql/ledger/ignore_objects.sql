-- purpose: acknowledge objects that are quarantined or that vanished before they were loaded
-- parameters: $1 entities text[], $2 states text[], $3 pattern of the path, for LIKE, text or null, $4 run id
--             text or null
-- rows: entity, path; a path of which another version is there needs no acknowledgement
-- locks: the objects' rows, until commit
-- idempotent: an acknowledged object is not changed
update evo.objects o
set state = 'ignored'
where o.entity = any ($1) and o.state = any ($2) and o.state in ('quarantined', 'gone')
  and ($3::text is null or o.path like $3)
  and ($4::text is null or o.run_id = $4)
  and not exists (
      select from evo.objects other
      where other.lake_id = o.lake_id and other.entity = o.entity and other.path = o.path and other.version > o.version
  )
returning o.entity, o.path
