-- purpose: run a check: count its rows and show the first keys
-- placeholders: {query} the check's query
-- rows: one: rows bigint, the first five keys in order text[]
-- locks: none but those of reading
-- idempotent: reads only
with offending as materialized (
{query}
)
select (select count(*) from offending),
       array(select o.key::text from offending as o (key) order by 1 limit 5)
