-- purpose: changed keys that a newer object has seen lose after all
-- parameters: $1 keys bigint[]
-- placeholders: {seen_key}
update evo_verdict set verdict = 'superseded' where verdict = 'changed' and {seen_key} = any($1)
