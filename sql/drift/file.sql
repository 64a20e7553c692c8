-- purpose: record the fields of a sample that are not recorded yet
-- parameters: $1 entity text, $2 execution id uuid, $3 paths text[], $4 types text[], $5 objects text[], $6
--             lines bigint[]
-- rows: path and type of those that nobody else has recorded in the meantime
-- locks: the new rows, until commit
-- idempotent: a known field is not written again
insert into evo.fields (entity, path, type, execution_id, source_file, source_line)
select $1, f.path, f.type, $2, nullif(f.file, ''), nullif(f.line, 0)
from unnest($3::text[], $4::text[], $5::text[], $6::bigint[]) as f (path, type, file, line)
on conflict (entity, path, type) do nothing
returning path, type
