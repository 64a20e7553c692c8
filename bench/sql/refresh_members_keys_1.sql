-- purpose: keys and indexes of members by hand, session 1 of 2, and statistics
set maintenance_work_mem = '256MB';
alter table bench.evo_members add primary key (member_id);
create index on bench.evo_members (branch_id);
create index on bench.evo_members (status);
create index on bench.evo_members (employee_consultant_id) where (employee_consultant_id is not null);
create index on bench.evo_members (employee_instructor_id) where (employee_instructor_id is not null);
create index on bench.evo_members (employee_personal_id) where (employee_personal_id is not null);
analyze bench.evo_members;
