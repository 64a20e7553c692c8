-- purpose: read the staged rows that are marked as missing
-- placeholders: {key}, {time} and {seen_key} of a row t, {table} the staging table, {is_older} whether its present
--               content came with a run before the one that is compared
-- rows: key, time or null, batch id or null, since when, what stands for the key, is it older
-- locks: none
-- idempotent: reads only
select {key}, {time}, t._batch_id::bigint, t._deleted_at, {seen_key}, {is_older}
from {table} t
where t._deleted_at is not null
