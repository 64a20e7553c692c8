-- purpose: find objects of the lake to ask for when one cannot be read, to tell an unreadable object from an
--          unreadable lake
-- parameters: $1 entity text, $2 lake id int, $3 ids of the objects in question bigint[], $4 limit bigint
-- rows: path, etag; objects that were read before come first, newest first
-- locks: none
-- idempotent: reads only
select path, etag
from evo.objects
where entity = $1 and lake_id = $2 and object_id <> all($3) and state in ('loaded', 'pending')
order by state = 'loaded' desc, object_id desc
limit $4
