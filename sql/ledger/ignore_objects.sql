-- purpose: objects that are set aside, or vanished before they were loaded, need nobody's attention any more
-- parameters: $1 entities text[], $2 states text[], $3 path pattern for like, or null, $4 run id or null
-- rows: entity, path; of a path that is there in another version nothing needs to be acknowledged
-- idempotent
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
