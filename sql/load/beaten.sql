-- purpose: changed keys that a newer object has seen lose after all
-- parameters: $1 keys bigint[]
update evo_verdict set verdict = 'superseded' where verdict = 'changed' and key = any($1)
