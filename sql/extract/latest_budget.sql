-- purpose: find the latest extraction of an entity that had a budget of requests
-- parameters: $1 entity text
-- rows: at most one: names of its entities, budget
-- locks: none
-- idempotent: reads only
select entities, (arguments ->> 'budget')::bigint
from evo.runs
where command = 'extract' and $1 = any (entities) and arguments ->> 'budget' is not null
order by started_at desc
limit 1
