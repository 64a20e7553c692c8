-- purpose: find out whether the extension pgstattuple is installed and may be used
-- rows: its schema, quoted; none if it is not installed or this role may not use it
-- locks: none beyond those of reading the catalog
-- idempotent: reads only
select quote_ident(n.nspname)
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
join pg_proc p on p.pronamespace = n.oid and p.proname = 'pgstattuple_approx'
where e.extname = 'pgstattuple' and has_function_privilege(p.oid, 'execute') and has_schema_privilege(n.oid, 'usage')
