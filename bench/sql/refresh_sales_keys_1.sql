-- purpose: keys and indexes of sales by hand, session 1 of 2, and statistics
set maintenance_work_mem = '256MB';
alter table bench.evo_sales add primary key (sale_id);
create index on bench.evo_sales (member_id);
create index on bench.evo_sales (sale_date);
create index on bench.evo_sales (branch_id);
create index on bench.evo_sales (employee_sale_id) where (employee_sale_id is not null);
create index on bench.evo_sales (employee_id) where (employee_id is not null);
create index on bench.evo_sales (employee_removal_id) where (employee_removal_id is not null);
analyze bench.evo_sales;
