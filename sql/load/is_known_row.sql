-- purpose: tell whether a staged row is one that batches have written of some objects
-- parameters: $1 batch ids bigint[], $2 paths text[], $3 first time timestamptz, $4 end of the times timestamptz
-- placeholders: {time} of a row, where it is part of the key
-- rows: none; an expression that other statements contain
-- locks: none
-- idempotent: reads only
-- The interval keeps the index on the time out of it: on a table without statistics the planner would combine
-- it with that on the batch, and read all of it each time.
t._batch_id = any($1) and t._source_file = any($2) and t._content_hash is not null
  and {time} + interval '0' >= $3 and {time} + interval '0' < $4
