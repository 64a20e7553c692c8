comment on table evo.issues is 'Values that did not fit their column and were nulled by a transform; the rest of the record lives.';
comment on column evo.issues.column_name is null;
comment on column evo.issues.raw_value is 'At most 200 characters.';

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

drop function evo.time_partitions(regclass);
