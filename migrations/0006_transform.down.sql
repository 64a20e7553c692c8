-- purpose: back to the casts of 0002; for a developer's database
drop schema evo_next;
drop schema evo_old;
drop table evo.fields;
drop function evo.as_object, evo.try_object, evo.misfit_object, evo.raise_misfit_object;
drop index evo.issues_parent_idx;
alter table evo.issues drop column path, drop column source_file, drop column source_line;
comment on column evo.issues.key_text is 'Primary key columns of the row, joined with a comma.';
drop function evo.misfit_children;
create or replace function evo.as_children(doc jsonb, array_name text, id_name text) returns table (id bigint, value jsonb)
language sql immutable parallel safe as $$
    select distinct on (e.id) e.id, e.value
    from (
        select evo.as_bigint(x.value ->> id_name) as id, x.value, x.position
        from jsonb_array_elements(case when jsonb_typeof(doc -> array_name) = 'array' then doc -> array_name end)
            with ordinality as x (value, position)
        where jsonb_typeof(x.value) = 'object'
    ) e
    where e.id is not null
    order by e.id, e.position desc
$$;
drop function evo.raise_misfit_child, evo.raise_misfit_array;
create or replace function evo.try_bigint(value text) returns bigint
language plpgsql immutable parallel safe as $$
begin
    return evo.as_bigint(value);
exception when data_exception then
    -- 12.0 is a whole number
    begin
        if value::numeric = trunc(value::numeric) then return value::numeric::bigint; end if;
        return null;
    exception when data_exception then
        return null;
    end;
end $$;
create or replace function evo.try_int(value text) returns integer
language plpgsql immutable parallel safe as $$
begin
    return evo.as_int(value);
exception when data_exception then
    -- 12.0 is a whole number
    begin
        if value::numeric = trunc(value::numeric) then return value::numeric::integer; end if;
        return null;
    exception when data_exception then
        return null;
    end;
end $$;
create or replace function evo.try_decimal(value text) returns numeric
language plpgsql immutable parallel safe as $$
begin
    return evo.as_decimal(value);
exception when data_exception then
    return null;
end $$;
create or replace function evo.try_bool(value text) returns boolean
language plpgsql immutable parallel safe as $$
begin
    return evo.as_bool(value);
exception when data_exception then
    return null;
end $$;
create or replace function evo.try_date(value text) returns date
language plpgsql stable parallel safe as $$
begin
    return evo.as_date(value);
exception when data_exception then
    return null;
end $$;
create or replace function evo.try_timestamptz(value text, zone text) returns timestamptz
language plpgsql stable parallel safe as $$
begin
    return evo.as_timestamptz(value, zone);
exception when data_exception then
    return null;
end $$;
drop function evo.slow_bigint, evo.slow_int, evo.slow_decimal, evo.slow_bool, evo.slow_date, evo.slow_timestamptz;
create or replace function evo.as_decimal(value text) returns numeric
language sql immutable parallel safe
return case when value = 'NaN' then evo.raise_misfit(value)::text::numeric else nullif(value, '')::numeric(15, 2) end;
