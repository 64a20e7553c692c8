-- purpose: count the rows of a chunk's child that have no parent among those of the same documents
-- placeholders: {fresh} the child's rows, {parent_fresh} those of its parent, {parent_key} the column in both
-- rows: one: bigint
-- locks: none
-- idempotent: reads only
select count(*)
from {fresh} c
where not exists (select 1 from {parent_fresh} p where p.{parent_key} = c.{parent_key})
