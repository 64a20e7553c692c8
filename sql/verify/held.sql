-- purpose: count the rows that staging holds from some objects
-- parameters: $1 batches that may have loaded them bigint[], $2 paths text[]
-- placeholders: {staging} the staging table
-- rows: path, rows
-- locks: none
-- idempotent: reads only
select s._source_file, count(*)
from {staging} s
where s._batch_id = any ($1) and s._source_file = any ($2)
group by 1
