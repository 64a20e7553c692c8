-- purpose: record the share of rows in which each column of an entity's core tables is not null
-- placeholders: {statistics} what the planner's statistics, which a full refresh has just gathered, say of them
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: the last measure stays
insert into evo.column_fill (table_name, column_name, filled, rows_count)
select p.table_name, p.column_name, greatest(0, least(1, p.filled)), p.rows_count::bigint
from {statistics} p
on conflict (table_name, column_name) do update
set filled = excluded.filled, rows_count = excluded.rows_count, measured_at = now()
