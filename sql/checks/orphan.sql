-- purpose: a child has its parent
-- for: each child
-- severity: fail
-- when: swap, increment, check
-- hint: parent and children are written in one transaction: something else wrote to core; evo transform ENTITY --full-refresh repairs it
select c.{parent_key}::text || ',' || c.{child_key}::text
from {child} c
where not exists (select 1 from {all parent} p where p.{parent_key} = c.{parent_key})
