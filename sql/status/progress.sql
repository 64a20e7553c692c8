-- purpose: read how far each phase of a running execution is
-- parameters: $1 only this execution uuid or null
-- rows: a row of evo.v_progress, as jsonb
-- locks: none
-- idempotent: reads only
select to_jsonb(v)
from evo.v_progress v
where $1::uuid is null or v.execution_id = $1
order by v.execution_id, v.elapsed_s desc
