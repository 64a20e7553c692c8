-- purpose: count the documents in staging, as the ledger has counted them
-- parameters: $1 entity text
-- rows: one: bigint
-- locks: none
-- idempotent: reads only
select (select coalesce(sum(inserted_count), 0)::bigint from evo.batches where entity = $1 and state = 'committed')
     + (select coalesce(sum(rows_count), 0)::bigint from evo.recounts where entity = $1)
