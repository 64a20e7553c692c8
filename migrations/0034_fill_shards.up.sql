-- purpose: fill the shards of a new generation, where Citus distributes the tables
-- Runs a statement with settings and returns what it counts. Sent to the server that has the shard: settings of the session that
-- asks do not reach it. What the statement fails on is raised as JSON, because Citus passes on the message and nothing else.
create function evo.run_counting(names text[], settings text[], statement text) returns bigint[]
language plpgsql volatile parallel unsafe set search_path = pg_catalog, pg_temp as $$
declare
    counts bigint[];
    broken text;
begin
    perform set_config(s.name, s.setting, true) from unnest(names, settings) as s (name, setting);
    execute statement into counts;
    return counts;
exception when others then
    get stacked diagnostics broken = constraint_name;
    raise exception using message = json_build_object('code', sqlstate, 'message', sqlerrm, 'constraint', nullif(broken, ''))::text,
                          errcode = sqlstate;
end $$;
comment on function evo.run_counting is 'Runs a statement with settings of its own and returns the one array that it gives.';
