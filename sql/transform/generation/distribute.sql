-- purpose: distribute an empty table like the one that it is to replace
-- parameters: $1 new table text, $2 column with the document's key text, $3 the table that it replaces text
-- rows: one, empty
-- locks: the new table's own
-- idempotent: no
-- Only where the old table is distributed. Otherwise the new one would be filled on the coordinator and copied to the
-- shards under the locks of the swap.
select create_distributed_table($1::text::regclass, $2, colocate_with => $3)
