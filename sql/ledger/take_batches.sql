-- purpose: add batches to an entity's watermark
-- parameters: $1 entity text, $2 batch ids bigint[]
-- rows: none
-- locks: the new rows, until commit
-- idempotent: known batches are skipped
insert into evo.model_batches (entity, batch_id)
select $1, b from unnest($2::bigint[]) as b
on conflict do nothing
