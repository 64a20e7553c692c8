-- purpose: how many objects of a listed page the ledger does not know; an object is known by path and etag,
--          whatever the address of its lake; one that is back after it was gone is to be loaded like a new one
-- parameters: $1 entity text, $2 paths text[], $3 etags text[], $4 sizes bigint[]
-- rows: one: objects, and their compressed bytes
-- locks: none
select count(*), coalesce(sum(l.size_bytes), 0)::bigint
from unnest($2::text[], $3::text[], $4::bigint[]) as l (path, etag, size_bytes)
where not exists (select from evo.objects o where o.entity = $1 and o.path = l.path and o.etag = l.etag and o.state <> 'gone')
