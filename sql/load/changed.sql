-- purpose: keys of the batch whose row would be overwritten
-- rows: key, sorted
select distinct key from evo_verdict where verdict = 'changed' order by key
