-- purpose: list the keys of the batch whose row would be overwritten
-- placeholders: {verdict} the verdicts, {seen_key} the key, or its digest together with the time
-- rows: key, object number; sorted by key
-- locks: none outside of the session
-- idempotent: reads only
select {seen_key}, object_no from {verdict} where verdict = 'changed' order by 1
