-- purpose: measure the free and dead space in tables and their TOAST tables
-- parameters: $1 leaf tables text[]
-- placeholders: {extension} the schema of pgstattuple
-- rows: of each that exists its name and the bytes that a rewritten table would not need
-- locks: ACCESS SHARE while it reads the pages that the visibility map does not call all-visible
-- idempotent: reads only
select t.name, sum(m.approx_free_space + m.dead_tuple_len)::bigint
from unnest($1::text[]) as t (name)
join pg_class c on c.oid = to_regclass(t.name)
cross join lateral unnest(array[c.oid, nullif(c.reltoastrelid, 0)]) as part (oid)
cross join lateral {extension}.pgstattuple_approx(part.oid) as m
where part.oid is not null
group by t.name
