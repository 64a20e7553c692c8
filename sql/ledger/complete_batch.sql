-- purpose: last statement of a batch's transaction before COMMIT: the batch is in, if the claim still holds
-- parameters: $1 batch id bigint, $2 fence int, then bigint: $3 objects, $4 lines, $5 inserted, $6 updated, $7 unchanged, $8 superseded,
--             $9 rejected, $10 bytes; $11 timings jsonb
-- rows: none; the command tag is 0 when another attempt or execution has the batch: the caller must roll back
-- locks: the batch's row until the commit; a rival that raises the fence waits for it
update evo.batches
set state = 'committed', committed_at = clock_timestamp(), lease_until = null, objects_count = $3, lines_count = $4,
    inserted_count = $5, updated_count = $6, unchanged_count = $7, superseded_count = $8, rejected_count = $9, bytes = $10, timings = $11
where batch_id = $1 and fence = $2 and state = 'claimed'
