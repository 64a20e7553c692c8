-- purpose: find the lake to which a page of listed objects belongs: it holds some of them in the same version
--          and none in another
-- parameters: $1 entity text, $2 paths text[], $3 etags text[]
-- rows: none, or one: lake id
-- locks: none
-- idempotent: reads only
select o.lake_id
from unnest($2::text[], $3::text[]) as l (path, etag)
join evo.objects o on o.entity = $1 and o.path = l.path
group by o.lake_id
having bool_or(o.etag = l.etag)
   and not exists (
       select from unnest($2::text[], $3::text[]) as x (path, etag)
       where exists (select from evo.objects y where y.lake_id = o.lake_id and y.entity = $1 and y.path = x.path)
         and not exists (select from evo.objects y
             where y.lake_id = o.lake_id and y.entity = $1 and y.path = x.path and y.etag = x.etag)
   )
order by count(*) desc, o.lake_id
limit 1
