-- purpose: find out whether a role has the rights of a role that is granted to it
-- rows: one: boolean; whether a single grant may say so (PostgreSQL 16)
-- locks: none
-- idempotent: reads only
select rolinherit, current_setting('server_version_num')::integer >= 160000
from pg_roles
where rolname = current_user
