-- purpose: decide what becomes of each key of the batch: its last occurrence (later object first, then later
--          line) against what staging holds, with one index probe per key, in key order
-- parameters: $1 run id text, $2 paths by object number text[], $3 ingestion dates by object number date[],
--             $4 other runs of that day that are newer text[], $5 other runs of that day that are older
--             text[]
-- placeholders: {verdict} the verdicts, {stage} the stage table, {event} the key's time as timestamptz,
--               {stage_row} where the document is: ctid, or null, {target} the staging table, {match} joins
--               its key, {age} of the staged row against the object
-- rows: none; fills the verdicts, where is_older says that the staged row is from an older object. Keys are
--       sorted, not documents
-- locks: none outside of the session
-- idempotent: no; the caller empties them by rolling back to a savepoint
-- Newer beats older, by evo.compare_places; the same content is left alone. Run with hash and merge joins
-- switched off: the planner knows nothing of a temporary table's keys and would scan a large staging table.
insert into {verdict} (key, event_at, hash, object_no, line_no, stage_row, verdict, is_older, known_hash)
select
    c.key, c.event_at, c.hash, c.object_no, c.line_no, c.stage_row,
    case
        when c.age is null then 'new'
        when c.known_hash = c.hash then 'unchanged'
        when c.age > 0 then 'superseded'
        else 'changed'
    end,
    coalesce(c.age < 0, false),
    c.known_hash
from (
    select
        w.key, w.event_at, w.hash, w.object_no, w.line_no, w.stage_row, t._content_hash as known_hash,
        case when t._loaded_at is not null then {age} end as age
    from (
        select distinct on (key, event_at) key, event_at, hash, object_no, line_no, stage_row
        from (
            select key, {event} as event_at, hash, object_no, line_no, {stage_row} as stage_row
            from {stage} s
            where rejected_line is null
        ) staged
        order by key, event_at, object_no desc, line_no desc
    ) w
    left join {target} t on {match}
) c
