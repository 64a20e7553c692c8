-- purpose: collect the keys of a chunk
-- placeholders: {names} of evo_changed, {keys} a select of staging keys
-- rows: none; fills evo_changed
-- locks: none outside of the session
-- idempotent: no; the table is emptied at commit
insert into evo_changed ({names})
{keys}
