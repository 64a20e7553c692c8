-- purpose: active members of each branch, and how many of them are blocked
-- rows: branch id, branch name, active members, blocked among them; the largest first
select branch_id, branch_name, count(*) as active_members, count(*) filter (where access_blocked) as blocked
from core.evo_members
where status = 'Active'
group by branch_id, branch_name
order by active_members desc, branch_id;
