-- purpose: the employees, from every document that names one
-- table: core.evo_employees
-- key: employee_id
-- nobody: 0
-- name: employee_name
-- rows: one per sighting: an id, a name or null, the latest time in its document, and the row of core in which they
--       were seen; which sighting wins is decided by sql/transform/dimension_elect.sql
-- placeholders: {core.…} a core table, or those of its rows that changed
-- Each column is a select of its own, not one row unnested: so a search for ids can use the column's index.
select employee_consultant_id as employee_id, employee_consultant_name as employee_name,
       greatest(register_date, conversion_date, last_access_date, update_date) as _source_time, 'core.evo_members' as _source_table, member_id as _source_key
from {core.evo_members} m
union all
select employee_instructor_id, employee_instructor_name,
       greatest(register_date, conversion_date, last_access_date, update_date), 'core.evo_members', member_id
from {core.evo_members} m
union all
select employee_personal_id, employee_personal_name,
       greatest(register_date, conversion_date, last_access_date, update_date), 'core.evo_members', member_id
from {core.evo_members} m
union all
select employee_sale_id, employee_sale_name, greatest(sale_date, update_date, removal_date), 'core.evo_sales', sale_id
from {core.evo_sales} s
union all
select employee_id, null, greatest(sale_date, update_date, removal_date), 'core.evo_sales', sale_id
from {core.evo_sales} s
union all
select employee_removal_id, null, greatest(sale_date, update_date, removal_date), 'core.evo_sales', sale_id
from {core.evo_sales} s
union all
select employee_id, employee_name, entry_date, 'core.evo_entries', entry_id
from {core.evo_entries} e
