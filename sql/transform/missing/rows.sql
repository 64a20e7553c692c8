-- purpose: read the staged rows behind keys that no newer object has seen
-- parameters: $1 what stands for the keys bigint[]
-- placeholders: {key}, {time} and {seen_key} of a row t, {table} the staging table, {within} a condition on its
--               rows
-- rows: key, time or null, batch id or null, ingestion date or null, run id or null, what stands for the key
-- locks: none
-- idempotent: reads only
select {key}, {time}, t._batch_id::bigint, t.ingestion_date, t.run_id::text, {seen_key}
from {table} t
where {within} and t._deleted_at is null and {seen_key} = any ($1::bigint[])
