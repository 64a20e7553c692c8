-- purpose: committed batches behind a place in the lake that have seen keys without touching them
-- parameters: $1 entity text, $2 run id text, $3 path text
-- rows: batch_id
select batch_id
from evo.batches
where entity = $1 and state = 'committed' and seen_keys is not null
  and (run_id collate "C", first_path collate "C") > ($2 collate "C", $3 collate "C")
order by batch_id
