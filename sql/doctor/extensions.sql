-- purpose: find out whether extensions are installed in the database, and whether they could be
-- parameters: $1 names text[]
-- rows: name; is it installed; is it available; the extensions that Azure allows, null elsewhere
-- locks: none
-- idempotent: reads only
select e.name,
       exists (select from pg_extension x where x.extname = e.name),
       exists (select from pg_available_extensions a where a.name = e.name),
       current_setting('azure.extensions', true)
from unnest($1::text[]) as e (name)
order by 1
