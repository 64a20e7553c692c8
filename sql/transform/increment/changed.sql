-- purpose: collect the keys of a chunk
-- placeholders: {changed} the keys of the chunk, {names} of its columns, {keys} a select of staging keys
-- rows: none; fills the temporary table
-- locks: none outside of the session
-- idempotent: no; the table is emptied at commit
insert into {changed} ({names})
{keys}
