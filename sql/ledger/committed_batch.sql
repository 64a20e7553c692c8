-- purpose: look up whether a batch was committed under the fencing token of the attempt that asks, and what
--          it did
-- parameters: $1 batch id bigint, $2 fencing token int
-- rows: none, or one: lines, inserted, updated, unchanged, superseded, rejected
-- locks: none
-- idempotent: reads only
select lines_count, inserted_count, updated_count, unchanged_count, superseded_count, rejected_count
from evo.batches
where batch_id = $1 and fence = $2 and state = 'committed'
