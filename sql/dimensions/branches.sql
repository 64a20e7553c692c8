-- purpose: the branches, from every document that names one
-- table: core.evo_branches
-- key: branch_id
-- nobody: 0
-- name: branch_name
-- rows: one per sighting: an id, a name or null, the latest time in its document, and the row of core in which they
--       were seen; which sighting wins is decided by sql/transform/dimension_elect.sql
-- placeholders: {core.…} a core table, or those of its rows that changed
select branch_id, branch_name, greatest(register_date, conversion_date, last_access_date, update_date) as _source_time,
       'core.evo_members' as _source_table, member_id as _source_key
from {core.evo_members} m
union all
select branch_id, branch_name, greatest(register_date, conversion_date), 'core.evo_prospects', prospect_id
from {core.evo_prospects} p
union all
select branch_id, null, greatest(sale_date, update_date, removal_date), 'core.evo_sales', sale_id
from {core.evo_sales} s
union all
select branch_id, null, entry_date, 'core.evo_entries', entry_id
from {core.evo_entries} e
