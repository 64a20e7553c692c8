-- purpose: measure the free and dead space in a table and its TOAST table
-- parameters: $1 leaf table text
-- placeholders: {extension} the schema of pgstattuple
-- rows: one: bytes that a rewritten table would not need; null when the table no longer exists
-- locks: ACCESS SHARE while it reads the pages that the visibility map does not call all-visible
-- idempotent: reads only
select sum(m.approx_free_space + m.dead_tuple_len)::bigint
from pg_class c
cross join lateral unnest(array[c.oid, nullif(c.reltoastrelid, 0)]) as part (oid)
cross join lateral {extension}.pgstattuple_approx(part.oid) as m
where c.oid = to_regclass($1) and part.oid is not null
