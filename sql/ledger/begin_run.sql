-- purpose: record that an execution began
-- parameters: $1 execution id uuid, $2 command text, $3 entities text[], $4 arguments jsonb, $5 version of
--             evo text
-- rows: none
-- locks: the new row, until commit
-- idempotent: a repetition after a lost reply finds the row and does nothing
insert into evo.runs (execution_id, command, entities, arguments, state, host, evo_version)
values ($1, $2, $3, $4, 'running', coalesce(inet_client_addr()::text, 'local'), $5)
on conflict (execution_id) do nothing
