-- purpose: hold a page of the lake's listing against the versions that were loaded
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 etags text[], $5 sizes bigint[], $6 begin
--             of the listing timestamptz
-- rows: object id of the newest loaded version of each listed path, path, is it the listed version, its bytes
--       then, bytes now, ingestion date, run id. Paths of which nothing was loaded are left out
-- locks: none
-- idempotent: reads only
-- What was recorded after the listing began may be newer than what the page shows.
select o.object_id, l.path, o.etag = l.etag and o.size_bytes = l.size_bytes, o.size_bytes, l.size_bytes, o.ingestion_date, o.run_id
from unnest($3::text[], $4::text[], $5::bigint[]) as l (path, etag, size_bytes)
cross join lateral (
    select x.object_id, x.etag, x.size_bytes, x.ingestion_date, x.run_id
    from evo.objects x
    where x.lake_id = $2 and x.entity = $1 and x.path = l.path and x.state = 'loaded' and x.seen_at < $6
    order by x.version desc
    limit 1
) o
