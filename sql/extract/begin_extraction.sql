-- purpose: begin an extraction, unless one of the entity is open
-- parameters: $1 entity text, $2 lake id int, $3 source text, $4 from day date, $5 until day date, $6 zone
--             text
-- rows: extraction_id, or none when another process was quicker
-- locks: the new row; a rival waits for it and then begins nothing
-- idempotent: yes, by the unique index on open extractions
-- The run's id is the second in UTC at which it begins, and later than that of any other run of the entity.
with moment as materialized (
    select greatest(
        date_trunc('second', clock_timestamp()),
        (select max(to_timestamp(run_id, 'YYYYMMDD"T"HH24MISS')::timestamp) at time zone 'UTC' + interval '1 second'
         from evo.extractions where entity = $1 and lake_id = $2)
    ) as at
)
insert into evo.extractions (entity, lake_id, run_id, source, from_day, until_day, ingestion_date, began_day, state)
select $1, $2, to_char(m.at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z"'), $3, $4, $5,
    (m.at at time zone 'UTC')::date, (clock_timestamp() at time zone $6)::date, 'open'
from moment m
on conflict do nothing
returning extraction_id
