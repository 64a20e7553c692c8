-- purpose: list the partitions of a table, to see whether one was added
-- parameters: $1 table text
-- rows: object id as text, ascending; none if the table is not partitioned
-- locks: none
-- idempotent: reads only
select inhrelid::bigint::text from pg_inherits where inhparent = $1::text::regclass order by inhrelid
