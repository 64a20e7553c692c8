-- purpose: keys and indexes of members by hand, session 1 of 2, and statistics
set maintenance_work_mem = '256MB';
alter table bench.evo_members add primary key (member_id);
create index on bench.evo_members (branch_id);
create index on bench.evo_members (status);
analyze bench.evo_members;
