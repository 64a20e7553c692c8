-- purpose: of the winners among what changed, those at least as good as what the dimension has, and the next best of the lost ids
-- placeholders: {fresh}, {elected} the winners of the lost ids among all sightings, {lost} those ids, {table}, {key}, {name}
-- rows: as dimension_elect.sql
select f.*
from ({fresh}) f
left join {table} d on d.{key} = f.id
where f.id <> all({lost})
  and (d.{key} is null
       or (f.name is not null, coalesce(f.seen_at, '-infinity'), f.table_name collate "C", f.row_key, coalesce(f.name, '') collate "C")
       >= (d.{name} is not null, coalesce(d._source_time, '-infinity'), d._source_table collate "C", d._source_key, coalesce(d.{name}, '') collate "C"))
union all
select * from ({elected}) e
