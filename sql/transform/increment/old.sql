-- purpose: read the rows that core holds for the changed parents
-- placeholders: {changed} the keys of the chunk, {old} where they go, {columns} of the model, {table_columns}
--               the same of the table, {table} the core table, {changed_match} joins core (t) and the changed
--               keys (c), {changed_count} their number
-- rows: none
-- locks: none outside of the session
-- idempotent: no; the table is emptied at commit
-- Copied to the session, because everything after this is then local: the planner sees true sizes, and so
-- does Citus, which joins no local table to a distributed one except as a subquery behind an offset. The
-- limit tells the planner how few keys a small chunk has.
insert into {old} ({columns})
select {table_columns}
from {table} t
join (select * from {changed} offset 0 limit {changed_count}) c on {changed_match}
