-- purpose: what becomes of each key of the batch
-- parameters: $1 run id text, $2 paths text[] by object number
-- rows: none; fills evo_verdict; is_older: the staged row is from an older object
-- newer beats older: by run, then by path; the same content is left alone
insert into evo_verdict (key, event_at, hash, object_no, line_no, stage_row, verdict, is_older)
select
    w.key, w.event_at, w.hash, w.object_no, w.line_no, w.stage_row,
    case
        when k.key is null then 'new'
        when k.hash = w.hash then 'unchanged'
        when (coalesce(k.run_id, '') collate "C", coalesce(k.path, '') collate "C")
           > ($1 collate "C", ($2::text[])[w.object_no + 1] collate "C") then 'superseded'
        else 'changed'
    end,
    coalesce((coalesce(k.run_id, '') collate "C", coalesce(k.path, '') collate "C")
           < ($1 collate "C", ($2::text[])[w.object_no + 1] collate "C"), false) and k.key is not null
from evo_winner w
left join evo_known k on k.key = w.key and k.event_at = w.event_at
