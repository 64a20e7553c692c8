-- purpose: the winner of each id: named beats nameless, the newer run beats the older, and then whatever sorts last, so that it is the same
--          one in any order of arrival
-- placeholders: {sightings} the dimension's select, {key}, {name}, {among} a further condition on the sightings
select distinct on (g.id) g.id, g.name, g.run, g.table_name, g.row_key
from (
    select s.{key} as id, nullif(btrim(s.{name}, E' \t\r\n'), '') as name, coalesce(s._source_run_id, '') as run,
           s._source_table as table_name, max(s._source_key) as row_key
    from (
{sightings}
    ) s
    where s.{key} <> 0{among}
    group by 1, 2, 3, 4
) g
order by g.id, g.name is null, g.run collate "C" desc, g.table_name collate "C" desc, g.row_key desc, g.name collate "C" desc
