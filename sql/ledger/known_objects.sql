-- purpose: count the objects of a listed page of which nothing has to be recorded: the ledger knows them, and
--          no other version of their paths
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 etags text[]
-- rows: state, and the number of objects
-- locks: none
-- idempotent: reads only
-- Where they are fewer than the page has, record_objects.sql looks at all of it.
select o.state, count(*)
from unnest($3::text[], $4::text[]) as l (path, etag)
join evo.objects o on o.lake_id = $2 and o.entity = $1 and o.path = l.path and o.etag = l.etag
where o.state in ('pending', 'loaded')
  and not exists (
      select from evo.objects other
      where other.lake_id = $2 and other.entity = $1 and other.path = l.path and other.etag <> l.etag
  )
group by o.state
