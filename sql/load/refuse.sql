-- purpose: in text mode, let the server judge each document and refuse those that jsonb does not take
-- rows: none; the command tag counts the refused
update evo_stage_text
set refused = convert_to(doc, 'UTF8'), reason = 'refused by PostgreSQL''s jsonb input', sqlstate = evo.jsonb_error(doc), doc = null
where refused is null and evo.jsonb_error(doc) is not null
