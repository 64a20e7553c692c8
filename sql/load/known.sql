-- purpose: fetch what a distributed staging table holds of the keys of the batch, for the verdicts
-- placeholders: {known} the table that it fills, {stage} the stage table, {event} the key's time as
--               timestamptz, {target} the staging table, {match} joins its key
-- rows: none
-- locks: none outside of the session
-- idempotent: no; the caller empties the table by rolling back to a savepoint
-- With "offset 0" Citus sends the keys to the shards. An outer join with staging would fetch all of it.
insert into {known} (key, event_at, _content_hash, _source_file, run_id, ingestion_date, _loaded_at)
select w.key, w.event_at, t._content_hash, t._source_file, t.run_id, t.ingestion_date, t._loaded_at
from (
    select distinct s.key, {event} as event_at
    from {stage} s
    where s.rejected_line is null
    offset 0
) w
join {target} t on {match}
