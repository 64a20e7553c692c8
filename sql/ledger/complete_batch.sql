-- purpose: last statement of a batch's transaction before COMMIT
-- parameters: $1 batch id bigint, then bigint: $2 lines, $3 inserted, $4 updated, $5 unchanged, $6 superseded, $7 rejected, $8 bytes; $9 timings jsonb
update evo.batches
set state = 'committed', committed_at = clock_timestamp(), lines_count = $2, inserted_count = $3, updated_count = $4,
    unchanged_count = $5, superseded_count = $6, rejected_count = $7, bytes = $8, timings = $9
where batch_id = $1
