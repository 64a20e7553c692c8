-- purpose: the rows that core holds for the changed parents
-- placeholders: {old}, {columns}, {table_columns}, {table}, {changed_match} joins core (t) and the changed keys (c), {changed_count} their number
-- locks: none outside the session
-- Copied to the session, because everything behind is then local: the planner sees true sizes, and so does Citus, which joins no
-- local table to a distributed one except as a subquery behind an offset. The limit tells the planner how few keys a small chunk has.
insert into {old} ({columns})
select {table_columns}
from {table} t
join (select * from evo_changed offset 0 limit {changed_count}) c on {changed_match}
