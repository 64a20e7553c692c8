-- purpose: find executions by the beginning of their id
-- parameters: $1 beginning text; `last` for the newest one
-- rows: id as text, the newest first, at most ten
-- locks: none
-- idempotent: reads only
select r.execution_id::text
from evo.runs r
where $1 = 'last' or starts_with(r.execution_id::text, $1)
order by r.started_at desc, r.execution_id desc
limit case when $1 = 'last' then 1 else 10 end
