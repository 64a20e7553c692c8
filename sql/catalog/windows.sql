-- purpose: read which days an extraction has read of each entity
-- parameters: $1 at most how many of an entity, the latest days first bigint
-- rows: entity, query, first day, day after the last, state of the latest window of these days, records, requests,
--       attempts, when it ended (ISO 8601 in UTC)
-- locks: none
-- idempotent: reads only
with latest as (
    select distinct on (entity, query, from_day, until_day) *
    from evo.windows
    where state <> 'replaced'
    order by entity, query, from_day, until_day, window_id desc
),
ranked as (
    select *, row_number() over (partition by entity order by until_day desc, from_day desc, query) as place from latest
)
select
    entity, query, to_char(from_day, 'YYYY-MM-DD'), to_char(until_day, 'YYYY-MM-DD'), state, records_count, requests_count,
    attempt, to_char(finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from ranked
where place <= $1
order by entity collate "C", from_day, until_day, query collate "C"
