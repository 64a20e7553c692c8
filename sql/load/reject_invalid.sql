-- purpose: in text mode, let the server check each document and reject those that jsonb does not accept
-- placeholders: {stage} the stage table
-- rows: none; the command tag counts the rejected documents
-- locks: none outside of the session
-- idempotent: a rejected line is not checked again
update {stage}
set rejected_line = convert_to(doc, 'UTF8'), reason = 'refused by PostgreSQL''s jsonb input',
    sqlstate = evo.jsonb_error(doc), doc = null
where rejected_line is null and evo.jsonb_error(doc) is not null
