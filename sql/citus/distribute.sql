-- purpose: distribute a table by a column, together with another one or in shards of its own
-- parameters: $1 table text, $2 column text, $3 the table whose shards it shares text, or none, $4 shards int;
--             counts with none only
-- rows: one, empty
-- locks: the table, until commit
-- idempotent: no; Citus refuses a table that is distributed
-- Rows that it holds are copied to the shards; those in the table itself are no longer visible.
select case when $3 = 'none' then create_distributed_table($1::text::regclass, $2, colocate_with => 'none', shard_count => $4)
            else create_distributed_table($1::text::regclass, $2, colocate_with => $3) end
