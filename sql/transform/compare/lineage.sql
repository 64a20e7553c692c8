-- purpose: say from which objects and lines some documents came
-- parameters: $1 keys bigint[]
-- placeholders: {staging} the staging table, {staging_key} its key column
-- rows: key, path, line; in no order
-- locks: none
-- idempotent: reads only
select {staging_key}, _source_file, _source_line
from {staging}
where {staging_key} = any ($1)
