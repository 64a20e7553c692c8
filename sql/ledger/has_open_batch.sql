-- purpose: is anything planned or claimed that is not in
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null
-- rows: one boolean
select exists (
    select from evo.batches b
    where b.entity = $1 and b.state <> 'committed'
      and ($2::text is null or b.run_id = $2)
      and ($3::date is null or not exists (select from evo.objects o where o.batch_id = b.batch_id and o.ingestion_date < $3))
)
