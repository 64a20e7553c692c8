-- purpose: count the new rows that reached the table, when a trigger has left some out
-- placeholders: {diff} the rows that differ, {table} the core table, {key} the key
-- rows: one: bigint
-- locks: none
-- idempotent: reads only
select count(*)
from {diff} d
join {table} t using ({key})
where d.evo_class = 'new'
