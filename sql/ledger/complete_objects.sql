-- purpose: the line counts of each object of a batch
-- parameters: $1 object ids bigint[], then one bigint[] each: $2 lines, $3 inserted, $4 updated, $5 unchanged, $6 superseded, $7 rejected
update evo.objects o
set lines_count = c.lines, inserted_count = c.inserted, updated_count = c.updated, unchanged_count = c.unchanged,
    superseded_count = c.superseded, rejected_count = c.rejected
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    as c (object_id, lines, inserted, updated, unchanged, superseded, rejected)
where o.object_id = c.object_id
