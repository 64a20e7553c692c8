-- purpose: some objects to ask the lake for, to tell one that cannot be read from a lake that cannot
-- parameters: $1 entity text, $2 object ids that are not meant bigint[], $3 limit bigint
-- rows: path, etag; those that were read before first, newest first
select path, etag
from evo.objects
where entity = $1 and object_id <> all($2) and state in ('loaded', 'pending')
order by state = 'loaded' desc, object_id desc
limit $3
