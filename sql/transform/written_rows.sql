-- purpose: count the rows of staging that some batches wrote
-- parameters: $1 batch ids bigint[]
-- rows: one: rows bigint
-- locks: none
-- idempotent: reads only
select coalesce(sum(inserted_count + updated_count), 0)::bigint from evo.batches where batch_id = any ($1)
