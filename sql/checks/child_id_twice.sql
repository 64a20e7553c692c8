-- purpose: a child's id, which is its whole key at the source, belongs to one parent
-- for: each child
-- severity: warn
-- when: increment, check
-- hint: counts and sums by the child's id alone see it twice; the documents of both parents name it
select distinct c.child_key
from (select {child_key} as child_key, {parent_key} as parent_key from {child} x offset 0) c
join {all child} o on o.{child_key} = c.child_key and o.{parent_key} <> c.parent_key
