-- purpose: say from which objects and lines some documents came
-- parameters: $1 keys of any type text[]
-- placeholders: {staging} the staging table, {staging_key} its key column, {key_type} its type
-- rows: key, path, line; in no order
-- locks: none
-- idempotent: reads only
select {staging_key}::{key_type}, _source_file, _source_line
from {staging}
where {staging_key} = any ($1::{key_type}[])
