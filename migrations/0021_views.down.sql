drop view evo.v_entities;
drop view evo.v_load_minutes;
drop view evo.v_progress;
drop view evo.v_run_retries;
drop view evo.v_run_timings;
drop view evo.v_run_entities;
drop view evo.v_runs;
drop function evo.execution_state(uuid, text, timestamptz);
