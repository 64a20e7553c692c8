-- purpose: find time zones that the server does not know
-- parameters: $1 names text[]
-- rows: name
-- locks: none
-- idempotent: reads only
select z.name
from unnest($1::text[]) as z (name)
where not exists (select from pg_timezone_names t where lower(t.name) = lower(z.name))
order by 1
