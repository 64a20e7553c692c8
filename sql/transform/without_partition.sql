-- purpose: find out whether a table is partitioned and has no partition
-- parameters: $1 table text
-- rows: one if it is so
-- locks: none
-- idempotent: reads only
select
from pg_class c
where c.oid = to_regclass($1::text) and c.relkind = 'p'
  and not exists (select from pg_inherits i where i.inhparent = c.oid)
