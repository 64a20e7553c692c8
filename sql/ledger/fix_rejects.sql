-- purpose: keep corrected texts for refused lines
-- parameters: $1 reject ids bigint[], $2 texts bytea[], $3 entities text[]
-- rows: reject ids that are open and now have their text; others are not there, or resolved, or of another entity
update evo.rejects r
set fixed_line = f.fixed_line
from unnest($1::bigint[], $2::bytea[]) as f (reject_id, fixed_line)
where r.reject_id = f.reject_id and r.resolved_at is null and r.entity = any($3)
returning r.reject_id
