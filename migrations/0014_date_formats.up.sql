-- purpose: dates in formats of an entity's own, read beside ISO 8601 (docs/values.md): a model's casts get the value through
--          evo.to_iso, once for each format that the entity declares. Fractions of the basic format are cut off as others
-- locks: none on tables

-- As in 0011, and in the basic format too, whose texts are shorter.
create or replace function evo.microseconds(value text) returns text
language sql immutable parallel safe
return case when value like '%.%' and (octet_length(value) > 26 or octet_length(value) > 22 and value not like '____-%')
            then regexp_replace(value, '([.][0-9]{6})[0-9]+', chr(92) || '1') else value end;

-- A value in a format as ISO 8601. Of a field that may be written without its leading zero the replacement has one zero, and
-- what follows a 0 in three digits behind - or T is the field as it should be.
create function evo.in_iso(value text, pattern text, replacement text) returns text
language sql immutable parallel safe
return case when replacement like '%0#' || chr(92) || '%' escape '#'
            then regexp_replace(regexp_replace(value collate "C", pattern, replacement), '([-T])0([0-9][0-9])(?![0-9])',
                                chr(92) || '1' || chr(92) || '2', 'g')
            else regexp_replace(value collate "C", pattern, replacement) end;

-- A value that is in the format and names a day and a time that exist as ISO 8601, any other as it is: for the cast around it to
-- read or to refuse, and for an issue to show.
create function evo.to_iso(value text, pattern text, replacement text) returns text
language sql immutable parallel safe
return case when value collate "C" ~ pattern
            then case when evo.is_iso(evo.in_iso(value, pattern, replacement)) then evo.in_iso(value, pattern, replacement) else value end
            else value end;
comment on function evo.to_iso(text, text, text) is
    'A date or time in a format that entity.toml declares (dates = [...]) as ISO 8601; any other text as it is.';
