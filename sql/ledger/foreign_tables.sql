-- purpose: list tables in schemas that evo shares with its predecessor
-- parameters: $1 schemas text[]
-- rows: qualified name; at most 20, sorted
-- locks: none
-- idempotent: reads only
select schemaname || '.' || tablename
from pg_tables
where schemaname = any ($1)
order by 1
limit 20
