-- purpose: index-free tables of sales with evo's columns, for the hand-written refresh
create schema bench;
create table bench.evo_sales (like core.evo_sales including defaults including generated);
create table bench.evo_sale_items (like core.evo_sale_items including defaults including generated);
create table bench.evo_receivables (like core.evo_receivables including defaults including generated);
