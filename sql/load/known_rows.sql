-- purpose: fetch key and content of the rows that batches have written of some objects
-- parameters: $1 batch ids bigint[], $2 paths text[], $3 first time timestamptz, $4 end of the times
--             timestamptz
-- placeholders: {target} the staging table, {key_type} type of its key, {key} and {time} of a row, {times} an
--               array of these, or null where no time is part of the key
-- rows: one: keys of that type, times timestamptz[] or null, content hashes uuid[], of one length; nulls when
--       there is no row
-- locks: none
-- idempotent: reads only
-- Arrays: with a row for each, a load of entries that are all known took evo a third more CPU.
-- The interval keeps the index on the time out of it: on a table without statistics the planner would combine
-- it with that on the batch, and read all of it each time.
select array_agg({key}::{key_type}) as keys, {times} as times, array_agg(t._content_hash) as hashes
from {target} t
where t._batch_id = any($1) and t._source_file = any($2) and t._content_hash is not null
  and {time} + interval '0' >= $3 and {time} + interval '0' < $4
