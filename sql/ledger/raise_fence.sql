-- purpose: begin another attempt at a claimed batch, so that what is left of the attempt before can no longer
--          commit
-- parameters: $1 batch id bigint, $2 present fencing token int, $3 lease in seconds double precision
-- rows: one: the new fencing token; none when the batch is committed, or another execution has it
-- locks: the batch's row; waits while a commit of the earlier attempt is under way, and then sees how it
--        ended
-- idempotent: no; each call begins an attempt
update evo.batches
set fence = fence + 1, attempt = attempt + 1, lease_until = clock_timestamp() + make_interval(secs => $3)
where batch_id = $1 and fence = $2 and state = 'claimed'
returning fence
