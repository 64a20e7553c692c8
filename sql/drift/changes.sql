-- purpose: read the fields, and JSON types of fields, that an entity's documents did not have when they were sampled
--          for the first time
-- parameters: $1 entity text
-- rows: path, type, the types that it had before text[], when it was first seen, as ISO 8601 in UTC, an object and
--       a line or null; oldest first
-- locks: none
-- idempotent: reads only
with first_sample as (
    select execution_id from evo.fields where entity = $1 order by first_seen_at, path collate "C" limit 1
)
select
    f.path, f.type,
    array(
        select known.type
        from evo.fields known
        where known.entity = f.entity and known.path = f.path and known.type <> f.type
          and known.first_seen_at < f.first_seen_at
        order by known.type
    ),
    to_char(f.first_seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), f.source_file, f.source_line
from evo.fields f
join first_sample on f.execution_id <> first_sample.execution_id
where f.entity = $1
order by f.first_seen_at, f.path collate "C", f.type
