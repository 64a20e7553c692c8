-- purpose: list a partition's extended statistics, which are objects of a schema
-- parameters: $1 partition text
-- rows: schema, name
-- locks: none
-- idempotent: reads only
select n.nspname::text, s.stxname::text
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
where s.stxrelid = $1::text::regclass
order by 2
