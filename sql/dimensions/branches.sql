-- purpose: the branches, from every document that names one
-- table: core.evo_branches
-- key: branch_id
-- name: branch_name
-- rows: one per sighting: an id, a name or null, and the row of core in which both were seen; who wins is the engine's business
-- placeholders: {core.…} a core table, or those of its rows that changed
select branch_id, branch_name, _source_run_id, 'core.evo_members' as _source_table, member_id as _source_key
from {core.evo_members} m
union all
select branch_id, branch_name, _source_run_id, 'core.evo_prospects', prospect_id
from {core.evo_prospects} p
union all
select branch_id, null, _source_run_id, 'core.evo_sales', sale_id
from {core.evo_sales} s
union all
select branch_id, null, _source_run_id, 'core.evo_entries', entry_id
from {core.evo_entries} e
