-- purpose: the objects of a batch are loaded, with the line counts of each
-- parameters: $1 object ids bigint[], then one bigint[] each: $2 lines, $3 inserted, $4 updated, $5 unchanged, $6 superseded, $7 rejected;
--             $8 batch id bigint
-- rows: none; the command tag is less than the number of objects when one was replaced meanwhile: the caller must roll back
update evo.objects o
set state = 'loaded', loaded_at = clock_timestamp(),
    lines_count = c.lines, inserted_count = c.inserted, updated_count = c.updated, unchanged_count = c.unchanged,
    superseded_count = c.superseded, rejected_count = c.rejected
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    as c (object_id, lines, inserted, updated, unchanged, superseded, rejected)
where o.object_id = c.object_id and o.batch_id = $8 and o.state = 'pending'
