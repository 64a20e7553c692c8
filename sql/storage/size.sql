-- purpose: read how large tables and indexes are
-- parameters: $1 tables or indexes text[]
-- rows: one for each that exists: bytes, of a table with indexes and TOAST
-- locks: ACCESS SHARE for a moment
-- idempotent: reads only
select pg_total_relation_size(c.oid)
from unnest($1::text[]) as t (name)
join pg_class c on c.oid = to_regclass(t.name)
