-- purpose: what becomes of each key of the batch
-- parameters: $1 run id text, $2 paths text[] by object number
-- rows: none; fills evo_verdict
-- newer beats older: by run, then by path. The same content is left alone, except that within one run the row's lineage
-- moves to the later object ('touched'), so that a batch of the same run that arrives late knows it is beaten.
insert into evo_verdict (key, event_at, hash, object_no, line_no, stage_row, verdict)
select
    w.key, w.event_at, w.hash, w.object_no, w.line_no, w.stage_row,
    case
        when k.key is null then 'new'
        when (coalesce(k.run_id, '') collate "C", coalesce(k.path, '') collate "C")
           > ($1 collate "C", ($2::text[])[w.object_no + 1] collate "C") then
            case when k.hash = w.hash then 'unchanged' else 'superseded' end
        when k.hash is distinct from w.hash then 'changed'
        when k.run_id = $1 and k.path collate "C" < ($2::text[])[w.object_no + 1] collate "C" then 'touched'
        else 'unchanged'
    end
from evo_winner w
left join evo_known k on k.key = w.key and k.event_at = w.event_at
