-- purpose: list what is set aside and was not seen by a complete listing (settle_listing.sql, read only)
-- parameters: $1 entity text, $2 lake id int, $3 when the listing began timestamptz, $4 ids of objects that
--             are set aside and were listed bigint[]
-- rows: object id
-- locks: none
-- idempotent: reads only
select o.object_id
from evo.objects o
where o.entity = $1 and o.lake_id = $2 and o.state = 'quarantined' and o.seen_at < $3
  and not exists (select from unnest($4::bigint[]) as listed (object_id) where listed.object_id = o.object_id)
