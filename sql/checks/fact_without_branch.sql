-- purpose: every branch that a row names is in the dimension
-- for: each entity
-- entity: members, sales, entries, prospects
-- severity: warn
-- when: check
-- hint: evo transform branches
select distinct f.branch_id
from {parent} f
where f.branch_id <> 0 and not exists (select from core.evo_branches b where b.branch_id = f.branch_id)
