-- purpose: undo 0007; dimensions are derived and nothing is lost but the remembered fill rates
delete from evo.model_batches where entity in (select dimension from evo.dimension_sources);
delete from evo.models where entity in (select dimension from evo.dimension_sources);
drop table evo.column_fill, evo.dimension_sources, core.evo_employees, core.evo_branches;
drop index core.idx_core_members_consultant, core.idx_core_members_instructor, core.idx_core_members_personal, core.idx_core_prospects_branch,
    core.idx_core_sales_employee_sale, core.idx_core_sales_employee, core.idx_core_sales_employee_removal, core.idx_core_entries_employee;
