-- purpose: keys of the batch that are unchanged and whose row was written by an older object: seen, but not touched
-- parameters: $1 run id text, $2 paths text[] by object number
-- rows: key, sorted
select distinct v.key
from evo_verdict v
join evo_known k on k.key = v.key and k.event_at = v.event_at
where v.verdict = 'unchanged'
  and (coalesce(k.run_id, '') collate "C", coalesce(k.path, '') collate "C")
    < ($1 collate "C", ($2::text[])[v.object_no + 1] collate "C")
order by v.key
