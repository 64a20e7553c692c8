-- purpose: every branch that a row names is in the dimension
-- for: each entity
-- entity: members, sales, entries, prospects
-- severity: warn
-- when: check
-- hint: evo transform branches
select f.branch_id
from (select distinct x.branch_id from {parent} x where x.branch_id <> 0 offset 0) f
where not exists (select 1 from core.evo_branches b where b.branch_id = f.branch_id)
