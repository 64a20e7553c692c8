-- purpose: begin another attempt of a claimed batch: whatever is left of the one before can no longer commit
-- parameters: $1 batch id bigint, $2 present fence int, $3 lease in seconds double
-- rows: the new fence, or none: the batch is in, or somebody else has it
-- locks: waits while a commit of the earlier attempt is under way, and then sees how it ended
update evo.batches
set fence = fence + 1, attempt = attempt + 1, lease_until = clock_timestamp() + make_interval(secs => $3)
where batch_id = $1 and fence = $2 and state = 'claimed'
returning fence
