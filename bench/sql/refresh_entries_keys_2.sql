-- purpose: keys and indexes of entries by hand, session 2 of 2, and statistics
set maintenance_work_mem = '256MB';
create index on bench.evo_entries (entry_date);
create index on bench.evo_entries (branch_id);
create index on bench.evo_entries (employee_id) where (employee_id is not null);
