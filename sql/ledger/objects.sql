-- purpose: list objects of the ledger, those that need attention first, with their lake and the reason
-- parameters: $1 entities text[], $2 states text[], $3 pattern of the path, for LIKE, text or null, $4 run id
--             text or null, $5 limit bigint
-- rows: entity, path, state, reason, bytes, run id, ingestion date, when it was seen (UTC, text), an address
--       of its lake or null, how many there are altogether. An object that is gone because a newer version
--       replaced it is left out
-- locks: none
-- idempotent: reads only
select
    o.entity, o.path, o.state, o.reason, o.size_bytes, o.run_id, o.ingestion_date,
    to_char(o.seen_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    (select a.address from evo.lake_addresses a where a.lake_id = o.lake_id order by a.added_at, a.address limit 1),
    count(*) over ()
from evo.objects o
where o.entity = any ($1) and o.state = any ($2)
  and ($3::text is null or o.path like $3)
  and ($4::text is null or o.run_id = $4)
  and (o.state <> 'gone' or not exists (
      select from evo.objects other
      where other.lake_id = o.lake_id and other.entity = o.entity and other.path = o.path and other.version > o.version
  ))
order by
    array_position(array['quarantined', 'gone', 'ignored', 'pending', 'loaded'], o.state), o.entity,
    coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C", o.path collate "C", o.version
limit $5
