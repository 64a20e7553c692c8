-- purpose: find the rows of a staging table that name a batch or an object which the ledger does not know
-- parameters: $1 path text or null, $2 rows bigint
-- placeholders: {staging} the staging table, {key} its key column, {key_type} its type, {batch} a condition
--               on their batch
-- rows: key, line, batch id; by key
-- locks: none
-- idempotent: reads only
select s.{key}::{key_type}, s._source_line, s._batch_id
from {staging} s
where {batch} and s._source_file is not distinct from $1
order by 1
limit $2
