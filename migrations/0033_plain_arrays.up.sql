-- What a full refresh reads first, as evo.plain_bigint: nearly every cell of a list is an array or nothing, and then the server
-- reads it without a call, for evo.text_array catches errors, which costs more than taking the array apart. A text that begins
-- as an array and is none raises; the refresh then asks evo.text_array.
create function evo.plain_array(value text) returns jsonb
language sql immutable parallel unsafe
return case when value like '[%' then value::jsonb
            when value is not null then evo.text_array(value) end;
comment on function evo.plain_array is 'The JSON array that a text spells, or null; an error where a text begins as one and is none.';
