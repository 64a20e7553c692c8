-- purpose: what becomes of each key of the batch: its last occurrence (later object first, then later line) against what
--          staging holds, one index probe a key in key order
-- parameters: $1 run id text, $2 paths text[] by object number
-- placeholders: {stage} the stage table, {event} the key's time as timestamptz, {stage_row} where the document is: ctid, or
--               null, {target} the staging table, {match} the join on its key
-- rows: none; fills evo_verdict; is_older: the staged row is from an older object. Sorts keys, not documents
-- newer beats older: by run, then by path; the same content is left alone
-- note: run with hash and merge joins switched off: the planner knows nothing of a temp table's keys and would scan a large
--       staging table
insert into evo_verdict (key, event_at, hash, object_no, line_no, stage_row, verdict, is_older, known_hash)
select
    w.key, w.event_at, w.hash, w.object_no, w.line_no, w.stage_row,
    case
        when t._loaded_at is null then 'new'
        when t._content_hash = w.hash then 'unchanged'
        when (coalesce(t.run_id, '') collate "C", coalesce(t._source_file, '') collate "C")
           > ($1 collate "C", ($2::text[])[w.object_no + 1] collate "C") then 'superseded'
        else 'changed'
    end,
    t._loaded_at is not null
        and (coalesce(t.run_id, '') collate "C", coalesce(t._source_file, '') collate "C")
          < ($1 collate "C", ($2::text[])[w.object_no + 1] collate "C"),
    t._content_hash
from (
    select distinct on (key, event_at) key, event_at, hash, object_no, line_no, stage_row
    from (
        select key, {event} as event_at, hash, object_no, line_no, {stage_row} as stage_row
        from {stage} s
        where refused is null
    ) staged
    order by key, event_at, object_no desc, line_no desc
) w
left join {target} t on {match}
