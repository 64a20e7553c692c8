-- purpose: keys and indexes of sales by hand, session 2 of 2, and statistics
set maintenance_work_mem = '256MB';
alter table bench.evo_sale_items add primary key (sale_id, sale_item_id);
create index on bench.evo_sale_items (sale_item_id);
alter table bench.evo_receivables add primary key (sale_id, receivable_id);
create index on bench.evo_receivables (receivable_id);
create index on bench.evo_receivables (due_date);
analyze bench.evo_sale_items;
analyze bench.evo_receivables;
