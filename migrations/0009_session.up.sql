-- purpose: functions mean the same whoever calls them: names in them are the server's own, times are written in one way
-- locks: none that anyone waits for
-- A body that is an expression is bound to what it names when it is made. One that is a text is read anew in each session,
-- under the caller's search_path, where another role may have put functions and operators of these names.

create or replace function evo.is_running(execution uuid) returns boolean
language sql stable
return exists (
    select from pg_catalog.pg_locks
    where locktype = 'advisory' and granted and objsubid = 1
      and database = (select oid from pg_catalog.pg_database where datname = current_database())
      and (classid::bigint << 32 | objid::bigint) = hashtextextended('evo:execution:' || execution, 0)
);

-- The bounds are put into a statement as texts: written and read in one zone and style. The new table lies in the
-- tablespace of its parent, which LIKE does not copy.
create or replace function evo.ensure_year_partition(parent text, key_column text, year integer, zone text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set default_tablespace = ''
as $$
declare
    partition text := parent || '_' || year;
    fallback  text := parent || '_default';
    starts    timestamptz := make_timestamp(year, 1, 1, 0, 0, 0) at time zone zone;
    ends      timestamptz := make_timestamp(year + 1, 1, 1, 0, 0, 0) at time zone zone;
    place     text := (select format(' tablespace %I', s.spcname) from pg_class c join pg_tablespace s on s.oid = c.reltablespace
                       where c.oid = parent::regclass);
begin
    if to_regclass(partition) is not null then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('evo:partition:' || parent, 0));
    -- Asked again behind the lock, and of the table itself: to_regclass may answer from before the wait.
    if exists (
        select from pg_class c
        where c.relnamespace = (select p.relnamespace from pg_class p where p.oid = parent::regclass)
          and c.relname = (select p.relname || '_' || year from pg_class p where p.oid = parent::regclass)
    ) then
        return false;
    end if;
    execute format('create table %s (like %s including all)%s', partition, parent, place);
    execute format('with moved as (delete from %s where %I >= %L and %I < %L returning *) insert into %s select * from moved',
        fallback, key_column, starts, key_column, ends, partition);
    execute format('alter table %s attach partition %s for values from (%L) to (%L)', parent, partition, starts, ends);
    return true;
end $$;
