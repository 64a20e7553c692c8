-- purpose: count the sessions that this role may have in this database, its present ones included
-- rows: one: bigint
-- locks: none
-- idempotent: reads only; others come and go in the meantime, so it is an estimate
-- Limits of roles and databases (-1 is none) do not bind a superuser. Other roles' sessions are shown to
-- everybody, without what they do.
with used as (
    select count(*) as of_server,
           count(*) filter (where a.datname = current_database()) as of_database,
           count(*) filter (where a.usename = session_user) as of_role,
           count(*) filter (where a.usename = session_user and a.datname = current_database()
                            and a.application_name = current_setting('application_name')) as own
    from pg_stat_activity a
    where a.backend_type = 'client backend' or a.backend_type is null
)
select greatest(1, least(
           current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
               - coalesce(current_setting('reserved_connections', true)::bigint, 0) - u.of_server,
           case when r.rolsuper or r.rolconnlimit < 0 then 1000000 else r.rolconnlimit - u.of_role end,
           case when r.rolsuper or d.datconnlimit < 0 then 1000000 else d.datconnlimit - u.of_database end
       ) + greatest(u.own, 1))
from used u, pg_roles r, pg_database d
where r.rolname = session_user and d.datname = current_database()
