drop function evo.to_iso(text, text, text);
drop function evo.in_iso(text, text, text);
create or replace function evo.microseconds(value text) returns text
language sql immutable parallel safe
return case when octet_length(value) > 26 and value like '%.%' then regexp_replace(value, '([.][0-9]{6})[0-9]+', chr(92) || '1') else value end;
