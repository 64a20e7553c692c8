-- purpose: record that a core table has a new generation
-- parameters: $1 table text, $2 entity text, $3 execution id uuid, $4 rows bigint or null when only a part
--             was refreshed
-- rows: one: the number of the generation
-- locks: the table's row of evo.models, until commit
-- idempotent: no; each call is a generation
insert into evo.models as m (table_name, entity, generation, refreshed_at, refreshed_by, rows_count)
values ($1, $2, 1, now(), $3, $4)
on conflict (table_name) do update
set generation = m.generation + 1, refreshed_at = excluded.refreshed_at, refreshed_by = excluded.refreshed_by,
    rows_count = coalesce(excluded.rows_count, m.rows_count)
returning m.generation
