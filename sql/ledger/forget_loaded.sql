-- purpose: load objects again that are in or were set aside (--all-runs)
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null
-- rows: none; the command tag counts the objects
update evo.objects
set state = 'pending', reason = null, batch_id = null, loaded_at = null,
    lines_count = 0, inserted_count = 0, updated_count = 0, unchanged_count = 0, superseded_count = 0, rejected_count = 0
where entity = $1 and state in ('loaded', 'quarantined') and run_id is not null
  and ($2::text is null or run_id = $2)
  and ($3::date is null or ingestion_date >= $3)
