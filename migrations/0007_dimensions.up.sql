-- purpose: two dimensions derived from core, what they were derived from, and the fill rates that the next generation is held against
-- locks: writers of core wait while the indexes are built; readers do not
-- Dimensions are small and written in place, what differs only: they need no generations and hence no partitions.

create table core.evo_branches (
    branch_id      bigint      primary key,
    branch_name    text,
    _source_run_id text,
    _source_table  text        not null,
    _source_key    bigint      not null,
    _updated_at    timestamptz not null default now()
);
create index evo_branches_source_idx on core.evo_branches (_source_table, _source_key);

create table core.evo_employees (
    employee_id    bigint      primary key,
    employee_name  text,
    _source_run_id text,
    _source_table  text        not null,
    _source_key    bigint      not null,
    _updated_at    timestamptz not null default now()
);
create index evo_employees_source_idx on core.evo_employees (_source_table, _source_key);

comment on table core.evo_branches is 'One row per branch that members, prospects, sales or entries name.';
comment on column core.evo_branches.branch_name is 'By the newest document that has one; null when only sales or entries name the branch.';
comment on table core.evo_employees is 'One row per employee that members, sales or entries name.';
comment on column core.evo_employees.employee_name is 'By the newest document that has one; null when only nameless fields name the employee.';
do $$
declare
    t text;
begin
    foreach t in array array['evo_branches', 'evo_employees'] loop
        execute format('comment on column core.%I._source_run_id is ''Run that brought the winning document.''', t);
        execute format('comment on column core.%I._source_table is ''Core table of the winning document.''', t);
        execute format('comment on column core.%I._source_key is ''First key column of the winning document''''s row there.''', t);
    end loop;
end $$;

-- When a winner's document stops naming it, the next best is looked up by id.
create index idx_core_members_consultant on core.evo_members (employee_consultant_id) where (employee_consultant_id is not null);
create index idx_core_members_instructor on core.evo_members (employee_instructor_id) where (employee_instructor_id is not null);
create index idx_core_members_personal on core.evo_members (employee_personal_id) where (employee_personal_id is not null);
create index idx_core_prospects_branch on core.evo_prospects (branch_id);
create index idx_core_sales_employee_sale on core.evo_sales (employee_sale_id) where (employee_sale_id is not null);
create index idx_core_sales_employee on core.evo_sales (employee_id) where (employee_id is not null);
create index idx_core_sales_employee_removal on core.evo_sales (employee_removal_id) where (employee_removal_id is not null);
create index idx_core_entries_employee on core.evo_entries (employee_id) where (employee_id is not null);

create table evo.dimension_sources (
    dimension  text   not null,
    table_name text   not null,
    generation bigint not null,
    primary key (dimension, table_name)
);
comment on table evo.dimension_sources is
    'The generation of each source from which a dimension was built. Another one there: the dimension is built anew.';

create table evo.column_fill (
    table_name  text        not null,
    column_name text        not null,
    filled      float8      not null check (filled between 0 and 1),
    rows_count  bigint      not null check (rows_count >= 0),
    measured_at timestamptz not null default now(),
    primary key (table_name, column_name)
);
comment on table evo.column_fill is 'Share of rows of a core table''s last generation in which a column is not null, by the planner''s statistics.';
