-- purpose: forget the content hashes of the rows that came from some objects, so that a load of these objects
--          writes each of them, also one that somebody has changed without touching its hash
-- parameters: $1 batches that may have loaded the objects bigint[], $2 paths text[]
-- placeholders: {target} the staging table
-- rows: none; the command tag counts the rows
-- locks: the rows that it changes, until commit
-- idempotent: a row without a hash is not changed any more
update {target}
set _content_hash = null
where _batch_id = any ($1) and _source_file = any ($2) and _content_hash is not null
