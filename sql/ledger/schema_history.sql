-- purpose: create the table in which the migration runner records what it applied
-- rows: none
-- locks: none that anyone waits for; the runner holds its advisory lock
-- idempotent: if not exists
create schema if not exists evo;
create table if not exists evo.schema_history (
    version      integer primary key,
    name         text        not null,
    checksum     text        not null,
    applied_at   timestamptz not null default now(),
    applied_by   text        not null default current_user,
    evo_version  text        not null,
    execution_ms bigint      not null
);
comment on table evo.schema_history is 'Migrations applied to this database; text is checksummed and immutable.';
