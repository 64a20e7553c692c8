-- purpose: record that a core table was brought up to date by an increment
-- parameters: $1 table text, $2 entity text, $3 execution id uuid
-- rows: none
-- locks: the table's row of evo.models, until commit
-- idempotent: a repetition only moves the time
insert into evo.models as m (table_name, entity, refreshed_by, incremental_at)
values ($1, $2, $3, now())
on conflict (table_name) do update
set refreshed_by = excluded.refreshed_by, incremental_at = excluded.incremental_at
