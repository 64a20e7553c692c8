-- purpose: is the batch with this token in, and what did it do
-- parameters: $1 token uuid
-- rows: none, or one with lines, inserted, updated, unchanged, superseded, rejected
select lines_count, inserted_count, updated_count, unchanged_count, superseded_count, rejected_count
from evo.batches
where token = $1 and state = 'committed'
