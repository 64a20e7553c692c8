-- purpose: mark changed keys as superseded that a newer object has seen
-- parameters: $1 keys bigint[]
-- placeholders: {verdict} the verdicts, {seen_key} the key, or its digest together with the time
-- rows: none; the command tag counts the keys
-- locks: none outside of the session
-- idempotent: a superseded key is not changed again
update {verdict} set verdict = 'superseded' where verdict = 'changed' and {seen_key} = any($1)
