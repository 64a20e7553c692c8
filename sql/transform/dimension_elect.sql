-- purpose: elect the winner of each id: named beats nameless, the newer document beats the older, and then
--          whatever sorts last. It does not matter which run brought a document or when, so the winner is the
--          same in any order of arrival
-- placeholders: {sightings} the dimension's select, {key} and {name} its columns, {key_type} of its key,
--               {is_sighting} and {among} conditions on the sightings, {fence} keeps Citus, which knows no greatest
--               array, from finding one for each shard: offset 0, elsewhere nothing
-- rows: id, name, time in whole seconds, source table, source key
-- locks: none
-- idempotent: reads only
-- For sources with integer keys. An array of both finds the newest row of a group without a sort; -1e12 is
-- before any time. Names are trimmed once for each spelling.
select distinct on (g.id) g.id, g.name, to_timestamp(nullif(g.newest[1], -1e12)) as seen_at, g.table_name, g.newest[2] as row_key
from (
    select n.id, nullif(btrim(n.written, E' \t\r\n'), '') as name, n.table_name, n.newest
    from (
        select s.{key}::{key_type} as id, s.{name} as written, s._source_table as table_name,
               max(s.place) as newest
        from (
            select s.*, array[coalesce(case when isfinite(s._source_time) then floor(date_part('epoch', s._source_time)) end, -1e12)::bigint, s._source_key] as place
            from (
{sightings}
            ) s
            where {is_sighting}{among}{fence}
        ) s
        group by 1, 2, 3
    ) n
) g
order by g.id, g.name is null, g.newest[1] desc, g.table_name collate "C" desc, g.newest[2] desc, g.name collate "C" desc
