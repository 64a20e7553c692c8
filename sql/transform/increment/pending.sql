-- purpose: count the staged rows that each pending batch still owns; a row that a later batch rewrote belongs
--          to the later one
-- parameters: $1 batch ids bigint[]
-- placeholders: {table} the staging table
-- rows: batch id, rows; batches that own none are left out
-- locks: none; an index-only scan where the table is vacuumed
-- idempotent: reads only
select _batch_id, count(*) from {table} where _batch_id = any ($1::bigint[]) group by 1 order by 1
