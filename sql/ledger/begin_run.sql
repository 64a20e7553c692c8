-- purpose: record that an execution began
-- parameters: $1 execution id uuid, $2 command text, $3 entities text[], $4 arguments jsonb, $5 version of
--             evo text, $6 name of its host text or null, $7 container execution text or null, $8 process id
--             bigint
-- rows: none
-- locks: the new row, until commit
-- idempotent: a repetition after a lost reply finds the row and does nothing
insert into evo.runs
    (execution_id, command, entities, arguments, state, host, evo_version, machine, container_execution, process_id,
     seen_at)
values
    ($1, $2, $3, $4, 'running', coalesce(inet_client_addr()::text, 'local'), $5, $6, $7, $8, clock_timestamp())
on conflict (execution_id) do nothing
