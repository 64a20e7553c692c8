-- purpose: an execution records where it runs, that it is alive, and what it has counted and timed so far
-- locks: ACCESS EXCLUSIVE on evo.runs and evo.windows, and SHARE on evo.batches while the indexes are built
alter table evo.runs
    add column machine             text,
    add column container_execution text,
    add column process_id          bigint,
    add column seen_at             timestamptz,
    add column measures            jsonb;
comment on column evo.runs.host is 'Address from which it is connected, as the server sees it.';
comment on column evo.runs.machine is 'Name of the host on which it runs.';
comment on column evo.runs.container_execution is 'Execution of an Azure Container Apps job; null elsewhere.';
comment on column evo.runs.process_id is 'Id of its process on the machine.';
comment on column evo.runs.seen_at is 'When it last showed that it was alive; every few seconds while it runs.';
comment on column evo.runs.measures is
    'What it has counted and timed so far: counts and timings by entity, phases, retries, connections, how full its channels were.';

-- A finished window belongs to nobody any more, but somebody fetched it.
alter table evo.windows add column finished_by uuid;
comment on column evo.windows.finished_by is 'The execution that finished it.';
create index windows_finished_by_idx on evo.windows (finished_by);

-- What an execution has loaded, and what was loaded lately.
create index batches_execution_id_idx on evo.batches (execution_id);
create index batches_committed_at_idx on evo.batches (committed_at);
