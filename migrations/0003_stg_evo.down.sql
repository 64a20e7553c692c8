-- purpose: undo 0003; the staged documents are lost
drop function evo.ensure_year_partition(text, text, integer, text);
drop table stg_evo.entries_raw, stg_evo.prospects_raw, stg_evo.sales_raw, stg_evo.members_raw;
