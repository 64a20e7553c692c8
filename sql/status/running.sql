-- purpose: count the executions that are running
-- rows: one: how many
-- locks: none
-- idempotent: reads only
select count(*) from evo.runs r where evo.execution_state(r.execution_id, r.state, r.seen_at) = 'running'
