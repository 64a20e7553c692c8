-- A list in a cell of CSV is the text of a JSON array. Taking it apart is one call for each document: with
-- evo.jsonb_error, which says why a text is not JSON, it was four steps and took twice as long.
create function evo.text_array(value text) returns jsonb
language plpgsql immutable parallel unsafe set search_path = pg_catalog, pg_temp as $$
begin
    if left(ltrim(value, E' \t\r\n'), 1) = '[' then
        return value::jsonb;
    end if;
    return null;
exception when others then
    -- As evo.jsonb_error: what the text is to blame for.
    if left(sqlstate, 2) in ('0A', '22', '54') or sqlstate = 'XX000' then
        return null;
    end if;
    raise;
end $$;
comment on function evo.text_array is 'The JSON array that a text spells, or null.';

-- A block that catches errors is a subtransaction, which no statement may begin while it runs in parallel.
alter function evo.jsonb_error(text) parallel unsafe;
