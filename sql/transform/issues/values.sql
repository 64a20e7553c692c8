-- purpose: file the values that did not fit
-- parameters: $1 entity text, $2 table text, $3 execution id uuid
-- placeholders: {misfits} the model with its misfits, {key} its key columns, as parts of key_text, {values}
--               its cast columns with their paths and misfits, {within} a condition on its rows
-- rows: none; the command tag counts the issues
-- locks: the rows that it writes, until commit
-- idempotent: one row per table, key and column; seen again it is updated
insert into evo.issues (entity, table_name, key_text, column_name, path, raw_value, reason, execution_id, source_file, source_line)
select distinct on (3, 4) $1, $2, concat_ws(',', {key}), v.column_name, v.path, left(v.raw_value, 200),
       case when octet_length(v.raw_value) > v.most then 'too long for an index on the column' else 'does not fit the column''s type' end, $3,
       m.evo_source_file, m.evo_source_line
from (
{misfits}
) m
cross join lateral (values {values}) as v (column_name, path, raw_value, most)
where ({within}) and v.raw_value is not null
on conflict (table_name, key_text, column_name) do update
set path = excluded.path, raw_value = excluded.raw_value, reason = excluded.reason, execution_id = excluded.execution_id,
    source_file = excluded.source_file, source_line = excluded.source_line, last_seen_at = clock_timestamp()
