-- purpose: whatever jsonb answers to a single document is that document's verdict
-- locks: none that anyone waits for
-- Beside bad data (class 22) and limits (class 54) there is XX000: an array of more than sixteen million elements outgrows
-- what the server allocates at once, and it reports that as an internal error. What is not the document's own fault, such as
-- memory that is short at the moment, is passed on.
create or replace function evo.jsonb_error(value text) returns text
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    perform value::jsonb;
    return null;
exception when others then
    if left(sqlstate, 2) in ('0A', '22', '54') or sqlstate = 'XX000' then
        return sqlstate;
    end if;
    raise;
end $$;
