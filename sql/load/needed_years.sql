-- purpose: list the years of the batch's keys, in the entity's zone, to have their partitions made
-- parameters: $1 zone text
-- placeholders: {stage} the stage table, {event} the key's time as timestamptz
-- rows: year; ascending
-- locks: none outside of the session
-- idempotent: reads only
select distinct extract(year from {event} at time zone $1)::int from {stage} s where s.rejected_line is null order by 1
