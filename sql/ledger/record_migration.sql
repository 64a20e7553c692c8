-- purpose: record one applied migration
-- parameters: $1 version int, $2 name text, $3 checksum text, $4 version of evo text, $5 milliseconds bigint
-- rows: none
-- locks: the new row, until commit
-- idempotent: no; the caller holds the migration lock and has found the migration missing
insert into evo.schema_history (version, name, checksum, evo_version, execution_ms)
values ($1, $2, $3, $4, $5)
