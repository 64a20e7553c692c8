-- purpose: mark the objects of a batch as loaded, with the line counts of each
-- parameters: $1 object ids bigint[], $2 lines bigint[], $3 inserted bigint[], $4 updated bigint[], $5
--             unchanged bigint[], $6 superseded bigint[], $7 rejected bigint[], all of one length; $8 batch
--             id bigint
-- rows: none; the command tag is less than the number of objects when one was replaced in the meantime, and
--       the caller must roll back
-- locks: the objects' rows, until commit
-- idempotent: no; an object that is not pending is not changed
update evo.objects o
set state = 'loaded', loaded_at = clock_timestamp(),
    lines_count = c.lines, inserted_count = c.inserted, updated_count = c.updated, unchanged_count = c.unchanged,
    superseded_count = c.superseded, rejected_count = c.rejected
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    as c (object_id, lines, inserted, updated, unchanged, superseded, rejected)
where o.object_id = c.object_id and o.batch_id = $8 and o.state = 'pending'
