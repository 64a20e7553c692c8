-- purpose: read the day in a zone, and how far the extractions of an entity have come
-- parameters: $1 entity text, $2 lake id int, $3 zone text
-- rows: one: today date, mark date or null: the first day that no finished extraction is known to hold
--       whole
-- locks: none
-- idempotent: reads only
select
    (clock_timestamp() at time zone $3)::date,
    (select max(least(until_day, began_day)) from evo.extractions
        where entity = $1 and lake_id = $2 and state <> 'open')
