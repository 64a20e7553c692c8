-- purpose: let changed keys lose after all that a newer object has seen
-- parameters: $1 keys bigint[]
-- placeholders: {seen_key} the key, or its digest together with the time
-- rows: none; the command tag counts the keys
-- locks: none outside of the session
-- idempotent: what is superseded is not changed any more
update evo_verdict set verdict = 'superseded' where verdict = 'changed' and {seen_key} = any($1)
