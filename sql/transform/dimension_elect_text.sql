-- purpose: elect the winner of each id as dimension_elect.sql does, where sources have keys that are texts or
--          uuids
-- placeholders: {sightings} the dimension's select, {key} and {name} its columns, {key_type} of its key,
--               {source_key_type} of the keys of its sources, {is_sighting} and {among} conditions on the
--               sightings
-- rows: id, name, time in whole seconds, source table, source key
-- locks: none
-- idempotent: reads only
-- The text of both begins with the seconds since a time before any other: fourteen digits, so that bytes sort as
-- times do. An array of two texts takes five times as long.
select distinct on (g.id) g.id, g.name, to_timestamp(nullif(g.seconds::bigint - 2e13, -1e12)) as seen_at, g.table_name,
       g.row_key::{source_key_type} as row_key
from (
    select n.id, nullif(btrim(n.written, E' \t\r\n'), '') as name, n.table_name, left(n.newest, 14) as seconds, substr(n.newest, 15) as row_key
    from (
        select s.{key}::{key_type} as id, s.{name} as written, s._source_table as table_name,
               max((coalesce(case when isfinite(s._source_time) then floor(date_part('epoch', s._source_time)) end, -1e12) + 2e13)::bigint::text
                   || s._source_key::text collate "C") as newest
        from (
{sightings}
        ) s
        where {is_sighting}{among}
        group by 1, 2, 3
    ) n
) g
order by g.id, g.name is null, g.seconds collate "C" desc, g.table_name collate "C" desc, g.row_key collate "C" desc, g.name collate "C" desc
