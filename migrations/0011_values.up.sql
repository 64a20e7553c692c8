-- purpose: one language of values. What a text means does not depend on the server's version or on a session's setting, what is
--          not in the language does not fit, and a shape that does not fit is an issue like a value. docs/values.md is the language
-- locks: none on tables
-- The functions are SQL with a parsed body, so that nobody's search path can put other functions in; the planner inlines them.
-- Each as_ begins with what documents usually hold, in the cheapest form that admits nothing else. Patterns are compared in the
-- collation "C", where [[:space:]] is blank, tab, newline, vertical tab, form feed and carriage return. What raises is given out as
-- cheap: the planner inlines a cast of an expression only if that seems cheap to evaluate more than once.

create or replace function evo.raise_misfit(value text) returns timestamp
language plpgsql immutable parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'value does not fit' using errcode = '22008';
end $$;

create function evo.raise_number(value text) returns numeric
language plpgsql immutable parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'value does not fit' using errcode = '22003';
end $$;

create function evo.raise_bool(value text) returns boolean
language plpgsql immutable parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'value does not fit' using errcode = '22P02';
end $$;

create function evo.raise_shape(value text) returns text
language plpgsql immutable parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'an object or an array where a plain value should be' using errcode = '22023';
end $$;

create function evo.raise_length(value text) returns text
language plpgsql immutable parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'value is too long for an index' using errcode = '22001';
end $$;

create or replace function evo.raise_misfit_child(value jsonb) returns bigint
language plpgsql immutable parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'an element of the array has no id' using errcode = '22023';
end $$;

-- Strict, and nothing at a JSON null: then a check is one comparison, and casts of what is behind it stay cheap enough to be inlined.
create or replace function evo.raise_misfit_array(value jsonb) returns jsonb
language plpgsql immutable strict parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    if jsonb_typeof(value) = 'null' then return null; end if;
    raise exception 'not an array' using errcode = '22023';
end $$;

create or replace function evo.raise_misfit_object(value jsonb) returns jsonb
language plpgsql immutable strict parallel safe cost 1 set search_path = pg_catalog, pg_temp as $$
begin
    if jsonb_typeof(value) = 'null' then return null; end if;
    raise exception 'not an object' using errcode = '22023';
end $$;

alter function evo.jsonb_error(text) set search_path = pg_catalog, pg_temp;

-- Numbers

-- Digits, with a sign, a point and an exponent where there are any. Not NaN, Infinity, 0x10 or 1_000, which servers read, some of them.
create function evo.is_number(value text) returns boolean
language sql immutable parallel safe
return octet_length(value) <= 16000
   and value collate "C" ~ '^[[:space:]]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?[[:space:]]*$';

create or replace function evo.as_bigint(value text) returns bigint
language sql immutable parallel safe
return case when value collate "C" >= '1' and value not like '%#_%' escape '#' and value not like '%.%'
                 and value not like '%e%' and value not like '%E%' then value::bigint
            when value = '0' then 0
            when value is null or value = '' then null
            when case when evo.is_number(value) then value::numeric = trunc(value::numeric) end then value::numeric::bigint
            else evo.raise_number(value)::bigint end;

create or replace function evo.as_int(value text) returns integer
language sql immutable parallel safe
return case when value collate "C" >= '1' and value not like '%#_%' escape '#' and value not like '%.%'
                 and value not like '%e%' and value not like '%E%' then value::integer
            when value = '0' then 0
            when value is null or value = '' then null
            when case when evo.is_number(value) then value::numeric = trunc(value::numeric) end then value::numeric::integer
            else evo.raise_number(value)::integer end;

create or replace function evo.as_decimal(value text) returns numeric
language sql immutable parallel safe
return case when (value collate "C" >= '1' or value like '0.%') and value collate "C" < ':'
                 and value not like '%#_%' escape '#' and value not like '%e%' and value not like '%E%' then value::numeric(15, 2)
            when value = '0' then 0.00::numeric(15, 2)
            when value is null or value = '' then null
            when evo.is_number(value) then value::numeric(15, 2)
            else evo.raise_number(value) end;

create or replace function evo.try_bigint(value text) returns bigint
language sql immutable parallel safe
return case when evo.is_number(value) then
           case when value::numeric = trunc(value::numeric) and value::numeric between -9223372036854775808 and 9223372036854775807
                then value::numeric::bigint end end;

create or replace function evo.try_int(value text) returns integer
language sql immutable parallel safe
return case when evo.is_number(value) then
           case when value::numeric = trunc(value::numeric) and value::numeric between -2147483648 and 2147483647
                then value::numeric::integer end end;

create or replace function evo.try_decimal(value text) returns numeric
language sql immutable parallel safe
return case when evo.is_number(value) then
           case when abs(round(value::numeric, 2)) < 10000000000000 then value::numeric(15, 2) end end;

-- What a full refresh reads first, where the server reads more numbers than the language has: digits or nothing.
create function evo.plain_bigint(value text) returns bigint
language sql immutable parallel safe
return case when value collate "C" >= '1' and value not like '%#_%' escape '#' then value::bigint
            when value = '0' then 0
            when value is not null then evo.raise_number(value)::bigint end;

create function evo.plain_int(value text) returns integer
language sql immutable parallel safe
return case when value collate "C" >= '1' and value not like '%#_%' escape '#' then value::integer
            when value = '0' then 0
            when value is not null then evo.raise_number(value)::integer end;

-- Truth values

create or replace function evo.try_bool(value text) returns boolean
language sql immutable parallel safe
return case when value = 'true' then true
            when value = 'false' then false
            when value collate "C" ~* '^[[:space:]]*(true|t|yes|y|on|1)[[:space:]]*$' then true
            when value collate "C" ~* '^[[:space:]]*(false|f|no|n|off|0)[[:space:]]*$' then false end;

create or replace function evo.as_bool(value text) returns boolean
language sql immutable parallel safe
return case when value = 'true' then true
            when value = 'false' then false
            when value is null or value = '' then null
            when value collate "C" ~* '^[[:space:]]*(true|t|yes|y|on|1)[[:space:]]*$' then true
            when value collate "C" ~* '^[[:space:]]*(false|f|no|n|off|0)[[:space:]]*$' then false
            else evo.raise_bool(value) end;

-- Dates and times

-- ISO 8601 in the years 1000 to 9999: the day must exist, the time may be missing, an offset belongs to a time.
create function evo.is_iso(value text) returns boolean
language sql immutable parallel safe
return case
    -- the usual form on a day that every month has: a tenth of the pattern's cost
    when case when octet_length(value) = 19 and value collate "C" >= '1' and value like '____-__-__T__:__:__' and value collate "C" ~ '^[0-9T:-]+$'
              then replace(replace(replace(value, 'T', ''), '-', ''), ':', '')::bigint >= 10000000000000
               and substr(value, 6, 2) collate "C" between '01' and '12' and substr(value, 9, 2) collate "C" between '01' and '28'
               and substr(value, 12, 2) collate "C" <= '23' and substr(value, 15, 2) collate "C" <= '59'
               and substr(value, 18, 2) collate "C" <= '59' end then true
    else value collate "C" ~ ('^[[:space:]]*('
        || '([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))'
        || '|([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29)'
        || '([Tt ](([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]([.][0-9]+)?|60([.](0{1,5}|0{6}[0-9]*))?))?|24:00(:00([.](0{1,5}|0{6}[0-9]*))?)?)([Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)?)?'
        || '|'
        || '([1-9][0-9]{3}((0[13578]|1[02])(0[1-9]|[12][0-9]|3[01])|(0[469]|11)(0[1-9]|[12][0-9]|30)|02(0[1-9]|1[0-9]|2[0-8]))'
        || '|([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)0229)'
        || '([Tt ](([01][0-9]|2[0-3])[0-5][0-9]([0-5][0-9]([.][0-9]+)?|60([.](0{1,5}|0{6}[0-9]*))?)?|2400(00([.](0{1,5}|0{6}[0-9]*))?)?)([Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)?)?'
        || ')[[:space:]]*$') end;

-- Digits behind the sixth of a second's fraction are cut off: rounded, the last moment of a day would be the next day.
create function evo.microseconds(value text) returns text
language sql immutable parallel safe
return case when octet_length(value) > 26 and value like '%.%' then regexp_replace(value, '([.][0-9]{6})[0-9]+', chr(92) || '1') else value end;

-- The clock's time as it is written; an offset is not looked at.
create or replace function evo.as_local(value text) returns timestamp
language sql stable parallel safe
return case when octet_length(value) = 19 and value collate "C" >= '1' and value like '____-__-__T__:__:__'
                 and replace(replace(replace(value collate "C", 'T', ''), '-', ''), ':', '')::bigint >= 10000000000000
            then value::timestamp
            when value is null or value = '' then null
            when evo.is_iso(value) then evo.microseconds(value)::timestamp
            else evo.raise_misfit(value) end;

-- The day as it is written, whatever the time and the offset are.
create or replace function evo.as_date(value text) returns date
language sql stable parallel safe
return case when octet_length(value) = 19 and value collate "C" >= '1' and value like '____-__-__T__:__:__'
                 and replace(replace(replace(value collate "C", 'T', ''), '-', ''), ':', '')::bigint >= 10000000000000
            then value::date
            when octet_length(value) = 10 and value collate "C" >= '1' and value like '____-__-__'
                 and replace(value collate "C", '-', '')::integer >= 10000000 then value::date
            when value is null or value = '' then null
            when evo.is_iso(value) then substring(value from '[0-9]{4}-?[0-9]{2}-?[0-9]{2}')::date
            else evo.raise_misfit(value)::date end;

create function evo.any_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe
return case when evo.is_iso(value) then
                case when value collate "C" ~ '[0-9][Tt ][0-9:.]+[Zz+-]' then evo.microseconds(value)::timestamptz
                     else evo.microseconds(value)::timestamp at time zone zone end
            else evo.raise_misfit(value) at time zone zone end;

-- An explicit offset or Z makes the text an instant of its own; without one it is the zone's time. Of a time that the clocks
-- skip the offset before the change counts, of one that they show twice the later one: PostgreSQL's own rule.
create or replace function evo.as_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe
return case when octet_length(value) = 19 and value collate "C" >= '1' and value like '____-__-__T__:__:__'
                 and replace(replace(replace(value collate "C", 'T', ''), '-', ''), ':', '')::bigint >= 10000000000000
            then value::timestamp at time zone zone
            when value is null or value = '' then null
            when octet_length(value) = 10 and value collate "C" >= '1' and value like '____-__-__'
                 and replace(value collate "C", '-', '')::integer >= 10000000 then value::timestamp at time zone zone
            when octet_length(value) = 19 and value collate "C" >= '1' and value like '____-__-__ __:__:__'
                 and replace(replace(replace(value collate "C", ' ', ''), '-', ''), ':', '')::bigint >= 10000000000000
            then value::timestamp at time zone zone
            when value collate "C" >= '1' and value like '____-__-__T__:__:___%' and value not like '%:60.%'
                 and replace(replace(replace(left(value, 19) collate "C", 'T', ''), '-', ''), ':', '')::bigint >= 10000000000000
            then case when substr(value, 20) collate "C" ~ '^[.][0-9]+$' then evo.microseconds(value)::timestamp at time zone zone
                      when substr(value, 20) collate "C" ~ '^([.][0-9]+)?([Zz]|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)$'
                      then evo.microseconds(value)::timestamptz
                      else evo.any_timestamptz(value, zone) end
            else evo.any_timestamptz(value, zone) end;

-- For a session whose time zone is the entity's, which the engine sees to: the server then finds no zone by its name for each value.
create function evo.at_session_zone(value text) returns timestamptz
language sql stable parallel safe
return case when octet_length(value) = 19 and value collate "C" >= '1' and value like '____-__-__T__:__:__'
                 and replace(replace(replace(value collate "C", 'T', ''), '-', ''), ':', '')::bigint >= 10000000000000
            then value::timestamptz
            when value is not null then evo.as_timestamptz(value, current_setting('TimeZone')) end;

create function evo.try_local(value text) returns timestamp
language sql stable parallel safe
return case when evo.is_iso(value) then evo.microseconds(value)::timestamp end;

create or replace function evo.try_date(value text) returns date
language sql stable parallel safe
return case when evo.is_iso(value) then substring(value from '[0-9]{4}-?[0-9]{2}-?[0-9]{2}')::date end;

create or replace function evo.try_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe
return case when evo.is_iso(value) then
           case when value collate "C" ~ '[0-9][Tt ][0-9:.]+[Zz+-]' then evo.microseconds(value)::timestamptz
                else evo.microseconds(value)::timestamp at time zone zone end end;

create function evo.misfit_local(value text) returns text
language sql stable parallel safe return case when value <> '' and evo.try_local(value) is null then value end;

-- Shapes

-- A plain value. The text of an object or an array would be its JSON. is_nested is looked at only where the text could be one.
create function evo.as_text(value text, is_nested boolean) returns text
language sql immutable parallel safe
return case when value not like '{%' and value not like '[%' then value
            when value is null then null
            when is_nested then evo.raise_shape(value) else value end;
create function evo.try_text(value text, is_nested boolean) returns text
language sql immutable parallel safe
return case when value not like '{%' and value not like '[%' then value
            when value is null then null
            when is_nested then null else value end;
create function evo.misfit_text(value text, is_nested boolean) returns text
language sql immutable parallel safe return case when is_nested then value end;

create or replace function evo.as_object(value jsonb) returns jsonb
language sql immutable parallel safe
return case jsonb_typeof(value) when 'object' then value else evo.raise_misfit_object(value) end;

create function evo.as_array(value jsonb) returns jsonb
language sql immutable parallel safe
return case jsonb_typeof(value) when 'array' then value else evo.raise_misfit_array(value) end;
create function evo.try_array(value jsonb) returns jsonb
language sql immutable parallel safe return case when jsonb_typeof(value) = 'array' then value end;
create function evo.misfit_array(value jsonb) returns text
language sql immutable parallel safe return case when jsonb_typeof(value) not in ('array', 'null') then value::text end;

-- Whether a field of any element of an array is an object or an array.
create function evo.has_nested(list jsonb, field text) returns boolean
language sql immutable parallel safe
return (select coalesce(bool_or(jsonb_typeof(e.value -> field) in ('object', 'array')), false)
        from jsonb_array_elements(case when jsonb_typeof(list) = 'array' then list end) e (value));

-- A text that an index has to hold. A B-tree refuses rows of more than a third of a page, and the whole table with them.
create function evo.as_short(value text, most integer) returns text
language sql immutable parallel safe
return case when octet_length(value) <= most then value when value is null then null else evo.raise_length(value) end;
create function evo.try_short(value text, most integer) returns text
language sql immutable parallel safe return case when octet_length(value) <= most then value end;
create function evo.misfit_short(value text, most integer) returns text
language sql immutable parallel safe return case when octet_length(value) > most then value end;

-- As in 0006, with bodies that are parsed here.
create or replace function evo.as_children(doc jsonb, array_name text, id_name text) returns table (id bigint, value jsonb)
language sql immutable parallel safe
begin atomic
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
    order by e.id, e.position desc;
end;

create or replace function evo.try_children(doc jsonb, array_name text, id_name text) returns table (id bigint, value jsonb)
language sql immutable parallel safe
begin atomic
    select distinct on (e.id) e.id, e.value
    from (
        select evo.try_bigint(x.value ->> id_name) as id, x.value, x.position
        from jsonb_array_elements(case when jsonb_typeof(doc -> array_name) = 'array' then doc -> array_name end)
            with ordinality as x (value, position)
        where jsonb_typeof(x.value) = 'object'
    ) e
    where e.id is not null
    order by e.id, e.position desc;
end;

create or replace function evo.misfit_children(doc jsonb, array_name text, id_name text) returns table (place bigint, raw_value text, reason text)
language sql immutable parallel safe
begin atomic
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
    where jsonb_typeof(doc -> array_name) not in ('array', 'null');
end;

-- Nothing calls them any more; they stay for whoever does.
create or replace function evo.slow_bigint(value text) returns bigint language sql immutable parallel safe return evo.try_bigint(value);
create or replace function evo.slow_int(value text) returns integer language sql immutable parallel safe return evo.try_int(value);
create or replace function evo.slow_decimal(value text) returns numeric language sql immutable parallel safe return evo.try_decimal(value);
create or replace function evo.slow_bool(value text) returns boolean language sql immutable parallel safe return evo.try_bool(value);
create or replace function evo.slow_date(value text) returns date language sql stable parallel safe return evo.try_date(value);
create or replace function evo.slow_timestamptz(value text, zone text) returns timestamptz
language sql stable parallel safe return evo.try_timestamptz(value, zone);
