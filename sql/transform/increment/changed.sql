-- purpose: the keys of a chunk
-- placeholders: {names} of evo_changed, {keys} a select of staging keys
-- rows: none; fills evo_changed
insert into evo_changed ({names})
{keys}
