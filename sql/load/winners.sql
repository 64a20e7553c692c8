-- purpose: of each key the last occurrence in the batch: later object first, then later line
-- placeholders: {stage} the stage table, {event} the key's time as timestamptz, {stage_row} where the document is: ctid, or null
-- rows: none; fills evo_winner. Sorts keys, not documents
insert into evo_winner (key, event_at, hash, object_no, line_no, stage_row)
select distinct on (key, event_at) key, event_at, hash, object_no, line_no, stage_row
from (
    select key, {event} as event_at, hash, object_no, line_no, {stage_row} as stage_row
    from {stage} s
    where refused is null
) staged
order by key, event_at, object_no desc, line_no desc
