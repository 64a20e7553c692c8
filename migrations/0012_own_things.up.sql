-- purpose: partitions are known by their bounds, whatever somebody named them or cut them into

-- Bounds of the partitions of a table that is partitioned by a range of one time; nothing of any other table.
create function evo.time_partitions(parent regclass)
returns table (part oid, starts timestamptz, ends timestamptz, is_default boolean)
language sql stable
set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set timezone = 'UTC' as $$
    select
        c.oid,
        case when b.bound[1] = 'MINVALUE' then '-infinity' else trim(b.bound[1], '''') end::timestamptz,
        case when b.bound[2] = 'MAXVALUE' then 'infinity' else trim(b.bound[2], '''') end::timestamptz,
        c.oid = p.partdefid
    from pg_partitioned_table p
    join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0] and a.atttypid = 'timestamptz'::regtype
    join pg_inherits i on i.inhparent = p.partrelid
    join pg_class c on c.oid = i.inhrelid
    cross join lateral (
        select regexp_match(pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \((.*)\) TO \((.*)\)$') as bound
    ) b
    where p.partrelid = parent and p.partstrat = 'r' and p.partnatts = 1
$$;
comment on function evo.time_partitions is
    'Partitions of a table that is partitioned by a range of one timestamptz: from (inclusive), to (exclusive); null for the default one.';

-- Adds the partition of a calendar year (of the zone) to a table partitioned by a time column, and moves what was parked for it.
-- Where partitions of any name or size take a part of the year already, nothing is made: the rest goes to the default partition.
-- Idempotent; concurrent callers wait for each other. Returns whether it made one.
create or replace function evo.ensure_year_partition(parent text, key_column text, year integer, zone text) returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp set datestyle = 'ISO' set timezone = 'UTC' set default_tablespace = '' as $$
declare
    root       regclass    := parent::regclass;
    year_start timestamptz := make_timestamp(year, 1, 1, 0, 0, 0) at time zone zone;
    year_end   timestamptz := make_timestamp(year + 1, 1, 1, 0, 0, 0) at time zone zone;
    schema     text;
    base       text;
    name       text;
    space      text;
    fallback   oid;
    fields     text;
begin
    if exists (select from evo.time_partitions(root) p where p.starts < year_end and p.ends > year_start) then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('evo:partition:' || parent, 0));
    -- Asked again behind the lock.
    if exists (select from evo.time_partitions(root) p where p.starts < year_end and p.ends > year_start) then
        return false;
    end if;
    select n.nspname, left(c.relname, 50) || '_' || year, t.spcname, nullif(p.partdefid, 0)
    into schema, base, space, fallback
    from pg_partitioned_table p
    join pg_class c on c.oid = p.partrelid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    left join pg_tablespace t on t.oid = c.reltablespace
    where p.partrelid = root and p.partstrat = 'r' and p.partnatts = 1
      and a.attname = key_column and a.atttypid = 'timestamptz'::regtype;
    if not found then
        -- Somebody has cut it in another way, and knows where its rows go.
        return false;
    end if;
    -- A table that was detached keeps its name.
    select candidate into name
    from (select base as candidate, 0 as place union all select base || '_' || i, i from generate_series(1, 1000) i) names
    where to_regclass(format('%I.%I', schema, candidate)) is null
    order by place
    limit 1;
    execute format('create table %I.%I (like %s including all excluding identity)%s', schema, name, root, ' tablespace ' || quote_ident(space));
    if fallback is not null then
        select string_agg(quote_ident(attname), ', ' order by attnum) into fields
        from pg_attribute where attrelid = root and attnum > 0 and not attisdropped and attgenerated = '';
        execute format('with moved as (delete from %s where %I >= %L and %I < %L returning %s) insert into %I.%I (%s) select %s from moved',
            fallback::regclass, key_column, year_start, key_column, year_end, fields, schema, name, fields, fields);
    end if;
    execute format('alter table %s attach partition %I.%I for values from (%L) to (%L)', root, schema, name, year_start, year_end);
    return true;
end $$;

comment on table evo.issues is
    'Values that did not fit their column and were nulled by a transform, and documents that a constraint, a trigger or a changed type in the warehouse refused.';
comment on column evo.issues.column_name is 'Of a refused document the column, constraint or function that refused it.';
comment on column evo.issues.raw_value is 'At most 200 characters; empty of a refused document.';
