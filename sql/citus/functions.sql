-- purpose: list the functions of schema evo that the other servers may not have
-- rows: the function with the types of its arguments
-- locks: none
-- idempotent: reads only
-- Only for a database that has Citus. Functions reach them when they are made, unless the cluster is younger.
select p.oid::regprocedure::text
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname = 'evo' and p.prokind = 'f'
  and not exists (select from pg_dist_object o where o.classid = 'pg_proc'::regclass and o.objid = p.oid)
order by 1
