-- purpose: sum up the rows that the batches of an entity have inserted, as the ledger has counted and settled them
-- parameters: $1 entity text
-- rows: one: bigint
-- locks: none
-- idempotent: reads only
select (select coalesce(sum(b.inserted_count), 0)::bigint from evo.batches b where b.entity = $1 and b.state = 'committed')
       + (select coalesce(sum(r.rows_count), 0)::bigint from evo.recounts r where r.entity = $1)
