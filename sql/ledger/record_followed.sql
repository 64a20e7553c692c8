-- purpose: record against which run the rows of an entity were compared, and the batches that they came with
-- parameters: $1 entity text, $2 ingestion date or null, $3 run id text, $4 what became of missing rows text, $5
--             how many there are bigint, $6 execution id uuid, $7 batch ids bigint[]
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: a repetition only moves the time
with batch as (
    insert into evo.followed_batches (entity, batch_id)
    select $1, b from unnest($7::bigint[]) as b
    on conflict do nothing
)
insert into evo.followed_runs as f (entity, ingestion_date, run_id, missing, missing_count, execution_id)
values ($1, $2, $3, $4, $5, $6)
on conflict (entity) do update
set ingestion_date = excluded.ingestion_date, run_id = excluded.run_id, missing = excluded.missing,
    missing_count = excluded.missing_count, execution_id = excluded.execution_id, compared_at = clock_timestamp()
