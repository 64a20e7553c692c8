-- purpose: keys of the batch whose row would be overwritten
-- placeholders: {seen_key}
-- rows: key, object number; sorted by key
select {seen_key}, object_no from evo_verdict where verdict = 'changed' order by 1
