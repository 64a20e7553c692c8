-- purpose: undo 0002
drop function evo.jsonb_error(text),
    evo.try_children(jsonb, text, text), evo.as_children(jsonb, text, text),
    evo.misfit_timestamptz(text, text), evo.misfit_date(text), evo.misfit_bool(text), evo.misfit_decimal(text), evo.misfit_int(text), evo.misfit_bigint(text),
    evo.try_timestamptz(text, text), evo.try_date(text), evo.try_bool(text), evo.try_decimal(text), evo.try_int(text), evo.try_bigint(text),
    evo.as_timestamptz(text, text), evo.as_date(text), evo.as_local(text), evo.as_bool(text), evo.as_decimal(text), evo.as_int(text), evo.as_bigint(text),
    evo.raise_misfit(text);
