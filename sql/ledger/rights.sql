-- purpose: find out whether the role may do what a migration and every job need
-- parameters: $1 schemas of the migrations text[]
-- rows: one per schema: the role, the database, whether the role may create schemas in it, the schema as SQL
--       writes it, whether it exists, whether the role may use it, may create tables in it, owns it
-- locks: none
-- idempotent: reads only
select quote_ident(current_user), quote_ident(current_database()),
       has_database_privilege(current_database(), 'create'),
       quote_ident(s.name), n.oid is not null,
       coalesce(has_schema_privilege(n.oid, 'usage'), false),
       coalesce(has_schema_privilege(n.oid, 'create'), false),
       coalesce(pg_has_role(n.nspowner, 'usage'), false)
from unnest($1::text[]) with ordinality as s (name, position)
left join pg_namespace n on n.nspname = s.name
order by s.position
