-- purpose: file the elements of an array that could not become rows
-- parameters: $1 entity text, $2 table text, $3 execution id uuid, $4 column text, $5 path text
-- placeholders: {rows} the staged rows, {alias} their alias, {key_part} their key as a part of key_text,
--               {children} the arguments of evo.as_children
-- rows: none; the command tag counts the issues
-- locks: the rows that it writes, until commit
-- idempotent: one row per table, parent and position; seen again it is updated
insert into evo.issues (entity, table_name, key_text, column_name, path, raw_value, reason, execution_id, source_file, source_line)
select $1, $2, concat({key_part}, ',[', nullif(evo_child.place, 0), ']'), $4, $5, left(evo_child.raw_value, 200), evo_child.reason, $3, {alias}._source_file, {alias}._source_line
from {rows} {alias}
cross join lateral evo.misfit_children({children}) evo_child
on conflict (table_name, key_text, column_name) do update
set path = excluded.path, raw_value = excluded.raw_value, reason = excluded.reason, execution_id = excluded.execution_id,
    source_file = excluded.source_file, source_line = excluded.source_line, last_seen_at = clock_timestamp()
