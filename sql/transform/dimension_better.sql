-- purpose: list the winners among the changed sightings that are at least as good as the dimension's present
--          ones, and the next best of the lost ids
-- placeholders: {fresh} the winners among what changed, {elected} the winners of the lost ids among all
--               sightings, {lost} those ids, {table} the dimension, {key} and {name} its columns
-- rows: as dimension_elect.sql
-- locks: none
-- idempotent: reads only
select f.*
from ({fresh}) f
left join {table} d on d.{key} = f.id
where f.id <> all({lost})
  and (d.{key} is null
       or (f.name is not null, coalesce(f.seen_at, '-infinity'), f.table_name collate "C", f.row_key, coalesce(f.name, '') collate "C")
       >= (d.{name} is not null, coalesce(d._source_time, '-infinity'), d._source_table collate "C", d._source_key, coalesce(d.{name}, '') collate "C"))
union all
select * from ({elected}) e
