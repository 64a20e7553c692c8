-- purpose: count the rows of a staging table by batch, object and writing transaction
-- placeholders: {staging} the staging table, {transaction} of its rows: s.xmin, or null::xid where tables do
--               not show it
-- rows: batch id, path, transaction, rows
-- locks: none
-- idempotent: reads only
select s._batch_id as batch_id, s._source_file as path, {transaction} as transaction, count(*) as rows
from {staging} s
group by 1, 2, 3
