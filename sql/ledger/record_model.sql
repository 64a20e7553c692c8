-- purpose: remember when a core table was last filled, and how
-- parameters: $1 table text, $2 entity text, $3 execution id uuid, $4 rows of a full refresh, null for an increment
insert into evo.models as m (table_name, entity, generation, refreshed_at, refreshed_by, incremental_at, rows_count)
values ($1, $2, case when $4::bigint is null then 0 else 1 end, case when $4 is not null then now() end, $3,
        case when $4 is null then now() end, $4)
on conflict (table_name) do update
set generation = m.generation + excluded.generation,
    refreshed_at = coalesce(excluded.refreshed_at, m.refreshed_at),
    refreshed_by = excluded.refreshed_by,
    incremental_at = coalesce(excluded.incremental_at, m.incremental_at),
    rows_count = coalesce(excluded.rows_count, m.rows_count)
