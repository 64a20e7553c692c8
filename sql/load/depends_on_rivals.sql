-- purpose: does the batch change a row, or find one of an older object unchanged
-- parameters: $1 run id text, $2 paths text[] by object number
-- rows: one boolean
select exists (
    select
    from evo_verdict v
    join evo_known k on k.key = v.key and k.event_at = v.event_at
    where v.verdict = 'changed'
       or (v.verdict = 'unchanged'
           and (coalesce(k.run_id, '') collate "C", coalesce(k.path, '') collate "C")
             < ($1 collate "C", ($2::text[])[v.object_no + 1] collate "C"))
)
