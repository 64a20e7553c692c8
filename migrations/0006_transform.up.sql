-- purpose: casts that the planner can inline, careful casts that are nearly as fast, children that do not vanish unnoticed,
--          and where an issue comes from
-- locks: ACCESS EXCLUSIVE on evo.issues while its columns and index are made

-- A body that is less immutable than its function is not inlined: timestamp to text was, so every amount was a function call.
-- Numbers begin with a sign, a point or a digit; 'NaN' and 'Infinity' are no amounts, whatever stands in front of them.
create or replace function evo.as_decimal(value text) returns numeric
language sql immutable parallel safe
return case when value collate "C" >= '+' and value collate "C" < ':' then value::numeric(15, 2)
            when value is null or value = '' then null
            when ltrim(value, E' \t\n\v\f\r') collate "C" < ':' then value::numeric(15, 2)
            else (value || '?')::numeric end;

-- The careful family: what looks ordinary is cast directly, only the rest pays for a subtransaction.
create function evo.slow_bigint(value text) returns bigint
language plpgsql immutable parallel safe as $$
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

create function evo.slow_int(value text) returns integer
language plpgsql immutable parallel safe as $$
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

create function evo.slow_decimal(value text) returns numeric
language plpgsql immutable parallel safe as $$
begin
    return evo.as_decimal(value);
exception when data_exception then
    return null;
end $$;

create function evo.slow_bool(value text) returns boolean
language plpgsql immutable parallel safe as $$
begin
    return evo.as_bool(value);
exception when data_exception then
    return null;
end $$;

create function evo.slow_date(value text) returns date
language plpgsql stable parallel safe as $$
begin
    return evo.as_date(value);
exception when data_exception then
    return null;
end $$;

create function evo.slow_timestamptz(value text, zone text) returns timestamptz
language plpgsql stable parallel safe as $$
begin
    return evo.as_timestamptz(value, zone);
exception when data_exception then
    return null;
end $$;

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

create or replace function evo.try_date(value text) returns date
language sql stable parallel safe
return case when value ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])' then substr(value, 1, 10)::date
            when value <> '' then evo.slow_date(value) end;

create or replace function evo.try_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe
return case when value ~ '^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?$'
            then value::timestamp at time zone zone
            when value <> '' then evo.slow_timestamptz(value, zone) end;

-- With an argument, because the planner would evaluate a call without one.
create function evo.raise_misfit_child(value jsonb) returns bigint
language plpgsql immutable parallel safe as $$
begin
    raise exception 'an element of the array has no id' using errcode = '22023';
end $$;

create function evo.raise_misfit_array(value jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
begin
    raise exception 'not an array' using errcode = '22023';
end $$;

create function evo.raise_misfit_object(value jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
begin
    raise exception 'not an object' using errcode = '22023';
end $$;

-- An object inside a document, or nothing. Of an array in its place every field would be null, unnoticed.
create function evo.as_object(value jsonb) returns jsonb
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'object' then value
            when jsonb_typeof(value) <> 'null' then evo.raise_misfit_object(value) end;
create function evo.try_object(value jsonb) returns jsonb
language sql immutable parallel safe return case when jsonb_typeof(value) = 'object' then value end;
create function evo.misfit_object(value jsonb) returns text
language sql immutable parallel safe return case when jsonb_typeof(value) not in ('object', 'null') then value::text end;

-- The objects of a document's array by their id; of a repeated id the last. Null, absent, or a null element: none.
-- What is no array, no object or has no id raises: it must not vanish unnoticed.
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

-- What as_children raises at: position (0 is the array itself), text and reason of each.
create function evo.misfit_children(doc jsonb, array_name text, id_name text) returns table (place bigint, raw_value text, reason text)
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

alter table evo.issues add column path text, add column source_file text, add column source_line bigint;
comment on column evo.issues.key_text is
    'Primary key columns of the row, joined with a comma; of an element that could not become a row the parent''s key and [position].';
comment on column evo.issues.path is 'Where the value stands in the document; alternatives are separated by |.';
comment on column evo.issues.source_file is 'Object from which the document was loaded.';
comment on column evo.issues.source_line is 'Its line there.';

-- Keys begin with the parent's: a changed parent's issues are forgotten before they are filed anew.
create index issues_parent_idx on evo.issues (entity, (split_part(key_text, ',', 1)));

create table evo.fields (
    entity        text        not null,
    path          text        not null,
    type          text        not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    execution_id  uuid        not null,
    source_file   text,
    source_line   bigint,
    primary key (entity, path, type)
);
comment on table evo.fields is 'Fields that documents have, and of which JSON types. What a later transform adds is drift.';
comment on column evo.fields.path is 'saleItens[].itemValue: [] is any element of an array.';
comment on column evo.fields.source_file is 'An object in which it was first seen, among the documents that were looked at.';
comment on column evo.fields.source_line is 'The line there.';

-- Where a full refresh builds the next generation, under the names that it will have, and where it leaves the replaced one.
create schema evo_next;
comment on schema evo_next is 'Generations of core tables that a full refresh is building. Empty when none runs.';
create schema evo_old;
comment on schema evo_old is 'Generations of core tables that were replaced, about to be dropped. Empty when no full refresh runs.';
