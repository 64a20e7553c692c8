-- purpose: list the serving partitions of a core table that a new generation does not replace
-- placeholders: {table} a literal, {replaced} a list of regclass values; may be empty
-- rows: table name, object id of the partition
-- locks: none
-- idempotent: reads only
select {table}, inhrelid from pg_inherits where inhparent = {table}::regclass and inhrelid <> all (array[{replaced}]::oid[])
