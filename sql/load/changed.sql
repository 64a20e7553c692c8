-- purpose: list the keys of the batch whose row would be overwritten
-- placeholders: {verdict} the verdicts, {seen_key} the key, or its digest together with the time, {seen_place}
--               that time, or the same as {seen_key}
-- rows: key, object number, place; sorted by key
-- locks: none outside of the session
-- idempotent: reads only
select {seen_key}, object_no, {seen_place} from {verdict} where verdict = 'changed' order by 1
