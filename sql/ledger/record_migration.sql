-- purpose: record one applied migration
-- parameters: $1 version int, $2 name text, $3 checksum text, $4 evo version text, $5 milliseconds bigint
insert into evo.schema_history (version, name, checksum, evo_version, execution_ms)
values ($1, $2, $3, $4, $5)
