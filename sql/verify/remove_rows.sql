-- purpose: delete rows of staging that no line gives, if they are still what was found; a load of the right
--          objects writes the right ones
-- parameters: $1 keys of any type text[], $2 paths text[], $3 lines bigint[], $4 the newest
--             batch when they were found bigint
-- placeholders: {staging} the staging table, {key} its key column, {key_type} its type
-- rows: none; the command tag counts the rows
-- locks: the rows that it deletes, until commit
-- idempotent: what is deleted is not there any more
delete from {staging} s
using unnest($1::{key_type}[], $2::text[], $3::bigint[]) as wrong (key, path, line)
where s.{key} = wrong.key and s._source_file is not distinct from wrong.path and s._source_line is not distinct from wrong.line
  and coalesce(s._batch_id, 0) <= $4
