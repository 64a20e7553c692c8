-- purpose: let the staging table of a drafted entity say which of its documents are missing from their source
-- placeholders: {table} its name without the schema, {key} its key column
-- rows: none
-- locks: none that others wait for: the table is new
-- idempotent: no; a migration runs once
alter table stg_evo.{table} add column _deleted_at timestamptz;
create index {table}_deleted_idx on stg_evo.{table} ({key}) where _deleted_at is not null;
