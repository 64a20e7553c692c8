-- purpose: the same language of values for less: a local time is parsed once where a record has several
-- locks: none on tables

-- As the function of one argument, where the server has made the clock's time of the text already: it is the usual spelling if
-- that time, written out, is the text again. A fraction of a second is as well, as far as it is written as the server does.
create function evo.at_session_zone(value text, clock timestamp) returns timestamptz
language sql stable parallel safe
return case when clock::text = replace(value collate "C", 'T', ' ') and clock >= '1000-01-01' and clock <= '9999-12-31 23:59:59.999999'
            then clock::timestamptz
            when value is not null then evo.as_timestamptz(value, current_setting('TimeZone')) end;
