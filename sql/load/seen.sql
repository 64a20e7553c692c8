-- purpose: list the keys of the batch that are unchanged and whose row was written by an older object: seen,
--          but not touched
-- placeholders: {verdict} the verdicts, {seen_key} the key, or its digest together with the time, {seen_place}
--               that time, or the same as {seen_key}
-- rows: object number, key, place
-- locks: none outside of the session
-- idempotent: reads only
select object_no, {seen_key}, {seen_place} from {verdict} where verdict = 'unchanged' and is_older
