-- purpose: keys and indexes of entries by hand, session 1 of 2, and statistics
set maintenance_work_mem = '256MB';
alter table bench.evo_entries add primary key (entry_id, entry_date);
create index on bench.evo_entries (member_id) where (member_id is not null);
analyze bench.evo_entries;
