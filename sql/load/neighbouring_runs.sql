-- purpose: list the runs of a date that have been loaded, and whether each is newer than a given one
-- parameters: $1 entity text, $2 ingestion date or null, $3 run id text
-- rows: run id, is it newer
-- locks: none
-- idempotent: reads only
select b.run_id, (b.run_order, b.run_id collate "C") > (evo.run_order($3) collate "C", $3 collate "C")
from evo.batches b
where b.entity = $1 and b.state = 'committed' and b.ingestion_date is not distinct from $2 and b.run_id <> $3
group by b.run_id, b.run_order
