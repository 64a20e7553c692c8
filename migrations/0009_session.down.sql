-- purpose: back to functions that read their names and times as the session does; for a developer's database
create or replace function evo.is_running(execution uuid) returns boolean
language sql stable
as $$
    select exists (
        select from pg_catalog.pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
          and database = (select oid from pg_catalog.pg_database where datname = current_database())
          and (classid::bigint << 32 | objid::bigint) = hashtextextended('evo:execution:' || execution, 0)
    )
$$;
alter function evo.ensure_year_partition reset all;
