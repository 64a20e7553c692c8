-- purpose: file the values that did not fit
-- parameters: $1 entity text, $2 table text, $3 execution id uuid
-- placeholders: {misfits} the model with evo.misfit_ in its select list, {key} its key columns, {values} its cast columns, {within} a condition on its rows
-- idempotent: one row per table, key and column; seen again it is updated
insert into evo.issues (entity, table_name, key_text, column_name, raw_value, reason, execution_id)
select $1, $2, concat_ws(',', {key}), v.column_name, left(v.raw_value, 200), 'does not fit the column''s type', $3
from (
{misfits}
) m
cross join lateral (values {values}) as v (column_name, raw_value)
where ({within}) and v.raw_value is not null
on conflict (table_name, key_text, column_name) do update
set raw_value = excluded.raw_value, reason = excluded.reason, execution_id = excluded.execution_id, last_seen_at = clock_timestamp()
