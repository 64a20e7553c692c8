-- purpose: create a core table of a drafted entity, with one partition for all keys
-- placeholders: {table} its name without the schema, {columns} with their types, and the primary key, {key} its
--               first column, {comment} a literal
-- rows: none
-- locks: none that others wait for: the table is new
-- idempotent: no; a migration runs once

create table core.{table} (
    {columns}
) partition by range ({key});
create table core.{table}_all partition of core.{table} for values from (minvalue) to (maxvalue);
comment on table core.{table} is {comment};
