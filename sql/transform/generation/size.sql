-- purpose: read how large a table is, without reading the table
-- parameters: $1 table text
-- rows: one: rows as the planner knows them (0 when it does not), bytes with indexes and TOAST, blocks of the
--       table itself
-- locks: none
-- idempotent: reads only
select greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid), pg_relation_size(c.oid) / current_setting('block_size')::bigint
from pg_class c
where c.oid = $1::text::regclass
