-- purpose: count the objects of a listed page that a load would take: those that the ledger does not know in
--          this lake under the same path and etag, and those that were gone and are back
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 etags text[], $5 sizes bigint[]
-- rows: one: objects, compressed bytes
-- locks: none
-- idempotent: reads only
select count(*), coalesce(sum(l.size_bytes), 0)::bigint
from unnest($3::text[], $4::text[], $5::bigint[]) as l (path, etag, size_bytes)
where not exists (
    select from evo.objects o
    where o.lake_id = $2 and o.entity = $1 and o.path = l.path and o.etag = l.etag and o.state <> 'gone'
)
