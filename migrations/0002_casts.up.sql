-- purpose: casts of a document's texts, in three families of one behaviour
--   evo.as_<type>      fast: '' is null, raises class 22 where the text does not fit; a single expression that the planner inlines
--   evo.try_<type>     the same, but null where the text does not fit
--   evo.misfit_<type>  the text where it does not fit, else null
-- Models are written with evo.as_. The engine repeats a chunk that failed with evo.try_ and lists its misfits.
-- Local times are read in the zone given, never in the session's. Year 1 is .NET's "no date" and does not fit.

create function evo.raise_misfit(value text) returns timestamp
language plpgsql immutable parallel safe as $$
begin
    raise exception 'value does not fit' using errcode = '22008';
end $$;

create function evo.as_bigint(value text) returns bigint
language sql immutable parallel safe return nullif(value, '')::bigint;

create function evo.as_int(value text) returns integer
language sql immutable parallel safe return nullif(value, '')::integer;

-- numeric takes 'NaN', which is no amount
create function evo.as_decimal(value text) returns numeric
language sql immutable parallel safe
return case when value = 'NaN' then evo.raise_misfit(value)::text::numeric else nullif(value, '')::numeric(15, 2) end;

create function evo.as_bool(value text) returns boolean
language sql immutable parallel safe return nullif(value, '')::boolean;

-- a date or time begins with a year from 1000 on: this refuses 0001-01-01, 'now', 'infinity' and the like
create function evo.as_local(value text) returns timestamp
language sql stable parallel safe
return case when value = '' then null
            when value collate "C" >= '1000' and value collate "C" < ':' then value::timestamp
            when value is null then null
            else evo.raise_misfit(value) end;

create function evo.as_date(value text) returns date
language sql stable parallel safe return evo.as_local(substr(value, 1, 10))::date;

-- an explicit offset or Z behind the time makes the text an instant of its own
create function evo.as_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe
return case when value is null or value = '' then null
            when value collate "C" < '1000' or value collate "C" >= ':' then evo.raise_misfit(value) at time zone zone
            when length(value) > 19 and substr(value, 20) ~ '[Z+-]' then value::timestamptz
            else value::timestamp at time zone zone end;

create function evo.try_bigint(value text) returns bigint
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

create function evo.try_int(value text) returns integer
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

create function evo.try_decimal(value text) returns numeric
language plpgsql immutable parallel safe as $$
begin
    return evo.as_decimal(value);
exception when data_exception then
    return null;
end $$;

create function evo.try_bool(value text) returns boolean
language plpgsql immutable parallel safe as $$
begin
    return evo.as_bool(value);
exception when data_exception then
    return null;
end $$;

create function evo.try_date(value text) returns date
language plpgsql stable parallel safe as $$
begin
    return evo.as_date(value);
exception when data_exception then
    return null;
end $$;

create function evo.try_timestamptz(value text, zone text) returns timestamptz
language plpgsql stable parallel safe as $$
begin
    return evo.as_timestamptz(value, zone);
exception when data_exception then
    return null;
end $$;

create function evo.misfit_bigint(value text) returns text
language sql immutable parallel safe return case when value <> '' and evo.try_bigint(value) is null then value end;
create function evo.misfit_int(value text) returns text
language sql immutable parallel safe return case when value <> '' and evo.try_int(value) is null then value end;
create function evo.misfit_decimal(value text) returns text
language sql immutable parallel safe return case when value <> '' and evo.try_decimal(value) is null then value end;
create function evo.misfit_bool(value text) returns text
language sql immutable parallel safe return case when value <> '' and evo.try_bool(value) is null then value end;
create function evo.misfit_date(value text) returns text
language sql stable parallel safe return case when value <> '' and evo.try_date(value) is null then value end;
create function evo.misfit_timestamptz(value text, zone text) returns text
language sql stable parallel safe return case when value <> '' and evo.try_timestamptz(value, zone) is null then value end;

-- The objects of a document's array by their id. Null, absent or no array: none; an element that is no object or has no
-- id is none; of a repeated id the last.
create function evo.as_children(doc jsonb, array_name text, id_name text) returns table (id bigint, value jsonb)
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

create function evo.try_children(doc jsonb, array_name text, id_name text) returns table (id bigint, value jsonb)
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

-- the SQLSTATE with which jsonb refuses a text, or null
create function evo.jsonb_error(value text) returns text
language plpgsql immutable parallel safe as $$
begin
    perform value::jsonb;
    return null;
exception when data_exception or program_limit_exceeded then
    return sqlstate;
end $$;
comment on function evo.jsonb_error is 'PostgreSQL''s own verdict on a text as jsonb: null, or the SQLSTATE of the refusal.';
