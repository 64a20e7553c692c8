-- purpose: count what the ledger knows of listed objects, to find out whether anything has to be recorded
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 etags text[]
-- rows: state, or 'other' for a version of a path that is not the listed one, and the number of objects
-- locks: none
-- idempotent: reads only
-- Nothing has to be recorded where each path has one version, which is pending or loaded. record_objects.sql
-- looks at the rest.
select case when o.etag = l.etag then o.state else 'other' end, count(*)
from unnest($3::text[], $4::text[]) as l (path, etag)
join evo.objects o on o.lake_id = $2 and o.entity = $1 and o.path = l.path
group by 1
