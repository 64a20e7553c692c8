-- purpose: read what some executions did to each entity, how long things took, and what was repeated
-- parameters: $1 ids of executions uuid[]
-- rows: id as text, kind (entity, timing or retry), a row of evo.v_run_entities, _timings or _retries, as jsonb
-- locks: none
-- idempotent: reads only
select execution_id::text, 'entity', to_jsonb(v) - '{execution_id,command,started_at}'::text[]
from evo.v_run_entities v
where execution_id = any($1)
union all
select execution_id::text, 'timing', to_jsonb(v) - '{execution_id,command,started_at}'::text[]
from evo.v_run_timings v
where execution_id = any($1)
union all
select execution_id::text, 'retry', to_jsonb(v) - '{execution_id,command,started_at}'::text[]
from evo.v_run_retries v
where execution_id = any($1)
order by 1, 2, 3
