-- purpose: fill the shards of new tables that hold the same keys, from the shard of staging that has them
-- placeholders: {filled} a CTE for each table, {counts} the rows of each of them; {documents} the documents that are
--               read
-- rows: one: an array of counts, the documents last
-- locks: the new shards' own
-- idempotent: no; a shard is filled once
-- One statement has one snapshot, so that parents and children are of the same documents.
with {filled}
select array[{counts}, (select count(*) from {documents} s)]::bigint[]
