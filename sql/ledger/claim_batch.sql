-- purpose: first statement of a batch's transaction: its row with the unique token
-- parameters: $1 token uuid, $2 entity text, $3 execution id uuid, $4 run id text, $5 first path, $6 last path, $7 objects int, $8 attempt int
-- rows: batch_id
-- locks: a second attempt with the same token waits for the end of the first
insert into evo.batches (token, entity, execution_id, run_id, first_path, last_path, objects_count, attempt, state, started_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, 'claimed', clock_timestamp())
returning batch_id
