-- purpose: mark a batch as committed if the claim still holds; the last statement of its transaction before
--          COMMIT
-- parameters: $1 batch id bigint, $2 fencing token int, $3 objects bigint, $4 lines bigint, $5 inserted
--             bigint, $6 updated bigint, $7 unchanged bigint, $8 superseded bigint, $9 rejected bigint, $10
--             compressed bytes bigint, $11 timings jsonb
-- rows: none; the command tag is 0 when another attempt or execution has the batch, and the caller must roll
--       back
-- locks: the batch's row, until commit; a rival that raises the fencing token waits for it
-- idempotent: no; a batch that is committed already is not changed
-- Its objects have just been written, behind the same savepoint as its rows, and show the same xmin.
update evo.batches
set state = 'committed', committed_at = clock_timestamp(), lease_until = null, objects_count = $3, lines_count = $4,
    inserted_count = $5, updated_count = $6, unchanged_count = $7, superseded_count = $8, rejected_count = $9, bytes = $10, timings = $11,
    written_by = (select o.xmin from evo.objects o where o.batch_id = $1 and o.state = 'loaded' limit 1)
where batch_id = $1 and fence = $2 and state = 'claimed'
