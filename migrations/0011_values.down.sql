-- purpose: undo 0011
create or replace function evo.raise_misfit(value text) returns timestamp
language plpgsql immutable parallel safe cost 100 as $$
begin
    raise exception 'value does not fit' using errcode = '22008';
end $$;

create or replace function evo.raise_misfit_child(value jsonb) returns bigint
language plpgsql immutable parallel safe cost 100 as $$
begin
    raise exception 'an element of the array has no id' using errcode = '22023';
end $$;

create or replace function evo.raise_misfit_array(value jsonb) returns jsonb
language plpgsql immutable parallel safe cost 100 as $$
begin
    raise exception 'not an array' using errcode = '22023';
end $$;

create or replace function evo.raise_misfit_object(value jsonb) returns jsonb
language plpgsql immutable parallel safe cost 100 as $$
begin
    raise exception 'not an object' using errcode = '22023';
end $$;

create or replace function evo.as_bigint(value text) returns bigint
language sql immutable parallel safe return nullif(value, '')::bigint;

create or replace function evo.as_int(value text) returns integer
language sql immutable parallel safe return nullif(value, '')::integer;

create or replace function evo.as_decimal(value text) returns numeric
language sql immutable parallel safe
return case when value collate "C" >= '+' and value collate "C" < ':' then value::numeric(15, 2)
            when value is null or value = '' then null
            when ltrim(value, E' \t\n\v\f\r') collate "C" < ':' then value::numeric(15, 2)
            else (value || '?')::numeric end;

create or replace function evo.try_bigint(value text) returns bigint
language sql immutable parallel safe
return case when value ~ '^-?[0-9]{1,18}$' then value::bigint when value <> '' then evo.slow_bigint(value) end;

create or replace function evo.try_int(value text) returns integer
language sql immutable parallel safe
return case when value ~ '^-?[0-9]{1,9}$' then value::integer when value <> '' then evo.slow_int(value) end;

create or replace function evo.try_decimal(value text) returns numeric
language sql immutable parallel safe
return case when value ~ '^-?[0-9]{1,12}([.][0-9]{1,12})?$' then value::numeric(15, 2) when value <> '' then evo.slow_decimal(value) end;

create or replace function evo.try_bool(value text) returns boolean
language sql immutable parallel safe
return case when value in ('true', 'false') then value::boolean when value <> '' then evo.slow_bool(value) end;

create or replace function evo.as_bool(value text) returns boolean
language sql immutable parallel safe return nullif(value, '')::boolean;

create or replace function evo.as_local(value text) returns timestamp
language sql stable parallel safe
return case when value = '' then null
            when value collate "C" >= '1000' and value collate "C" < ':' then value::timestamp
            when value is null then null
            else evo.raise_misfit(value) end;

create or replace function evo.as_date(value text) returns date
language sql stable parallel safe return evo.as_local(substr(value, 1, 10))::date;

create or replace function evo.as_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe
return case when value is null or value = '' then null
            when value collate "C" < '1000' or value collate "C" >= ':' then evo.raise_misfit(value) at time zone zone
            when length(value) > 19 and substr(value, 20) ~ '[Z+-]' then value::timestamptz
            else value::timestamp at time zone zone end;

create or replace function evo.try_date(value text) returns date
language sql stable parallel safe
return case when value ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])' then substr(value, 1, 10)::date
            when value <> '' then evo.slow_date(value) end;

create or replace function evo.try_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe
return case when value ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?$'
            then value::timestamp at time zone zone
            when value <> '' then evo.slow_timestamptz(value, zone) end;

create or replace function evo.as_children(doc jsonb, array_name text, id_name text) returns table (id bigint, value jsonb)
language sql immutable parallel safe as $$
    select distinct on (e.id) e.id, e.value
    from (
        select
            coalesce(case when jsonb_typeof(x.value) = 'object' then evo.as_bigint(x.value ->> id_name) end, evo.raise_misfit_child(x.value)) as id,
            x.value,
            x.position
        from jsonb_array_elements(
            case when jsonb_typeof(doc -> array_name) = 'array' then doc -> array_name
                 when jsonb_typeof(doc -> array_name) <> 'null' then evo.raise_misfit_array(doc -> array_name) end)
            with ordinality as x (value, position)
        where jsonb_typeof(x.value) <> 'null'
    ) e
    order by e.id, e.position desc
$$;

create or replace function evo.try_children(doc jsonb, array_name text, id_name text) returns table (id bigint, value jsonb)
language sql immutable parallel safe as $$
    select distinct on (e.id) e.id, e.value
    from (
        select evo.try_bigint(x.value ->> id_name) as id, x.value, x.position
        from jsonb_array_elements(case when jsonb_typeof(doc -> array_name) = 'array' then doc -> array_name end)
            with ordinality as x (value, position)
        where jsonb_typeof(x.value) = 'object'
    ) e
    where e.id is not null
    order by e.id, e.position desc
$$;

create or replace function evo.misfit_children(doc jsonb, array_name text, id_name text) returns table (place bigint, raw_value text, reason text)
language sql immutable parallel safe as $$
    select
        x.position,
        case when jsonb_typeof(x.value) = 'object' and x.value ->> id_name <> '' then x.value ->> id_name else x.value::text end,
        case when jsonb_typeof(x.value) <> 'object' then 'the element is no object'
             when x.value ->> id_name <> '' then 'the id does not fit, the element is left out'
             else 'the element has no id and is left out' end
    from jsonb_array_elements(case when jsonb_typeof(doc -> array_name) = 'array' then doc -> array_name end)
        with ordinality as x (value, position)
    where jsonb_typeof(x.value) <> 'null'
      and (jsonb_typeof(x.value) <> 'object' or evo.try_bigint(x.value ->> id_name) is null)
    union all
    select 0, doc ->> array_name, 'no array, its elements are left out'
    where jsonb_typeof(doc -> array_name) not in ('array', 'null')
$$;

create or replace function evo.slow_bigint(value text) returns bigint
language plpgsql immutable parallel safe cost 100 as $$
begin
    return evo.as_bigint(value);
exception when data_exception then
    -- 12.0 is a whole number
    begin
        if value::numeric = trunc(value::numeric) then return value::numeric::bigint; end if;
        return null;
    -- of NaN and infinity numeric makes no integer, which is another class of error
    exception when data_exception or feature_not_supported then
        return null;
    end;
end $$;

create or replace function evo.slow_int(value text) returns integer
language plpgsql immutable parallel safe cost 100 as $$
begin
    return evo.as_int(value);
exception when data_exception then
    -- 12.0 is a whole number
    begin
        if value::numeric = trunc(value::numeric) then return value::numeric::integer; end if;
        return null;
    -- of NaN and infinity numeric makes no integer, which is another class of error
    exception when data_exception or feature_not_supported then
        return null;
    end;
end $$;

create or replace function evo.slow_decimal(value text) returns numeric
language plpgsql immutable parallel safe cost 100 as $$
begin
    return evo.as_decimal(value);
exception when data_exception then
    return null;
end $$;

create or replace function evo.slow_bool(value text) returns boolean
language plpgsql immutable parallel safe cost 100 as $$
begin
    return evo.as_bool(value);
exception when data_exception then
    return null;
end $$;

create or replace function evo.slow_date(value text) returns date
language plpgsql stable parallel safe as $$
begin
    return evo.as_date(value);
exception when data_exception then
    return null;
end $$;

create or replace function evo.slow_timestamptz(value text, zone text) returns timestamptz
language plpgsql stable parallel safe as $$
begin
    return evo.as_timestamptz(value, zone);
exception when data_exception then
    return null;
end $$;

create or replace function evo.as_object(value jsonb) returns jsonb
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'object' then value
            when jsonb_typeof(value) <> 'null' then evo.raise_misfit_object(value) end;

alter function evo.jsonb_error(text) reset all;

drop function evo.misfit_short(text, integer),
    evo.try_short(text, integer),
    evo.as_short(text, integer),
    evo.has_nested(jsonb, text),
    evo.misfit_array(jsonb),
    evo.try_array(jsonb),
    evo.as_array(jsonb),
    evo.misfit_text(text, boolean),
    evo.try_text(text, boolean),
    evo.as_text(text, boolean),
    evo.misfit_local(text),
    evo.try_local(text),
    evo.at_session_zone(text),
    evo.any_timestamptz(text, text),
    evo.microseconds(text),
    evo.is_iso(text),
    evo.plain_int(text),
    evo.plain_bigint(text),
    evo.is_number(text),
    evo.raise_length(text),
    evo.raise_shape(text),
    evo.raise_bool(text),
    evo.raise_number(text);
