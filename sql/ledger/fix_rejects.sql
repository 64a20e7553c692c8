-- purpose: store corrected texts for rejected lines
-- parameters: $1 reject ids bigint[], $2 corrected lines bytea[], $3 entities text[]
-- rows: the ids of open rejects that now have their text; an id that is missing does not exist, is resolved
--       or is of another entity
-- locks: the rejects' rows, until commit
-- idempotent: a repetition stores the same texts
update evo.rejects r
set fixed_line = f.fixed_line
from unnest($1::bigint[], $2::bytea[]) as f (reject_id, fixed_line)
where r.reject_id = f.reject_id and r.resolved_at is null and r.entity = any($3)
returning r.reject_id
