-- purpose: how large a table is, without reading it
-- parameters: $1 table text
-- rows: rows as the planner knows them (0 when it does not), bytes with indexes and TOAST, blocks of the table itself
select greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid), pg_relation_size(c.oid) / current_setting('block_size')::bigint
from pg_class c
where c.oid = $1::text::regclass
