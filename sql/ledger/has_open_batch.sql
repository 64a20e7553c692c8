-- purpose: find out whether any batch is planned or claimed and not committed
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select exists (
    select from evo.batches b
    where b.entity = $1 and b.lake_id = $2 and b.state <> 'committed'
      and ($3::text is null or b.run_id = $3)
      and ($4::date is null or b.ingestion_date >= $4)
)
