-- purpose: fetch key and content of the rows that batches have written of some objects
-- parameters: $1 batch ids bigint[], $2 paths text[], $3 first time timestamptz, $4 end of the times
--             timestamptz
-- placeholders: {target} the staging table, {key_type} type of its key, {key} of a row, {times} an array of
--               their times, or null where no time is part of the key, {is_known_row} as the file of that name
-- rows: one: keys of that type, times timestamptz[] or null, content hashes uuid[], of one length; nulls when
--       there is no row
-- locks: none
-- idempotent: reads only
-- Arrays: with a row for each, a load of entries that are all known took evo a third more CPU.
select array_agg({key}::{key_type}) as keys, {times} as times, array_agg(t._content_hash) as hashes
from {target} t
where {is_known_row}
