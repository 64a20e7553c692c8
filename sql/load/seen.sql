-- purpose: keys of the batch that are unchanged and whose row was written by an older object: seen, but not touched
-- rows: key, sorted
select distinct key from evo_verdict where verdict = 'unchanged' and is_older order by key
