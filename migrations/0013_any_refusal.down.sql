create or replace function evo.jsonb_error(value text) returns text
language plpgsql immutable parallel safe as $$
begin
    perform value::jsonb;
    return null;
exception when data_exception or program_limit_exceeded then
    return sqlstate;
end $$;
