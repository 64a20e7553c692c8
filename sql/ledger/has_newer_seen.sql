-- purpose: find out whether any object newer than a position has seen keys without touching them
-- parameters: $1 entity text, $2 ingestion date or null, $3 run id text, $4 path text
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select exists (
    select from evo.seen_keys s
    join evo.objects o on o.object_id = s.object_id
    where o.entity = $1
      and (coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C", o.path collate "C")
        > (coalesce($2::date, '-infinity'), evo.run_order($3) collate "C", $3 collate "C", $4 collate "C")
)
