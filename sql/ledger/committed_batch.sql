-- purpose: is the batch in, under the fence of the attempt that asks, and what did it do
-- parameters: $1 batch id bigint, $2 fence int
-- rows: none, or one with lines, inserted, updated, unchanged, superseded, rejected
select lines_count, inserted_count, updated_count, unchanged_count, superseded_count, rejected_count
from evo.batches
where batch_id = $1 and fence = $2 and state = 'committed'
