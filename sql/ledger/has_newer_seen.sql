-- purpose: has any object behind a place in the lake seen keys without touching them
-- parameters: $1 entity text, $2 run id text, $3 path text
-- rows: one boolean
select exists (
    select from evo.seen_keys s
    join evo.objects o on o.object_id = s.object_id
    where o.entity = $1 and (o.run_id collate "C", o.path collate "C") > ($2 collate "C", $3 collate "C")
)
