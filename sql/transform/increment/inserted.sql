-- purpose: how many of the new rows are in the table, when a trigger has left some out
-- placeholders: {diff}, {table}, {key}
-- rows: one: rows
select count(*)
from {diff} d
join {table} t using ({key})
where d.evo_class = 'new'
