-- purpose: elect the winner of each id as dimension_elect.sql does, where sources have keys that are texts or
--          uuids
-- placeholders: {sightings} the dimension's select, {key} and {name} its columns, {key_type} of its key,
--               {source_key_type} of the keys of its sources, {is_sighting} and {among} conditions on the
--               sightings
-- rows: id, name, time in whole seconds, source table, source key
-- locks: none
-- idempotent: reads only
-- The array has the seconds since a time before any other, as fourteen digits, so that bytes sort as times do.
select distinct on (g.id) g.id, g.name, to_timestamp(nullif(g.newest[1]::bigint - 1e13, -1e12)) as seen_at, g.table_name,
       g.newest[2]::{source_key_type} as row_key
from (
    select s.{key}::{key_type} as id, nullif(btrim(s.{name}, E' \t\r\n'), '') as name, s._source_table as table_name,
           max(array[
               lpad((coalesce(case when isfinite(s._source_time) then floor(date_part('epoch', s._source_time)) end, -1e12) + 1e13)::bigint::text, 14, '0'),
               s._source_key::text] collate "C") as newest
    from (
{sightings}
    ) s
    where {is_sighting}{among}
    group by 1, 2, 3
) g
order by g.id, g.name is null, g.newest[1] collate "C" desc, g.table_name collate "C" desc, g.newest[2] collate "C" desc, g.name collate "C" desc
