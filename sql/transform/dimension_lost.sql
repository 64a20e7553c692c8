-- purpose: find ids whose winning document changed and no longer gives anything as good: the next best must
--          be looked up
-- placeholders: {fresh} the winners among what changed, {table} the dimension, {key} and {name} its columns,
--               {changed} source table and key of each changed row
-- rows: id as text
-- locks: none
-- idempotent: reads only
with fresh as ({fresh})
select d.{key}::text
from {table} d
left join fresh f on f.id = d.{key}
where exists (select 1 from ({changed}) c where c.table_name = d._source_table and c.row_key = d._source_key)
  and (f.id is null
       or (f.name is not null, coalesce(f.seen_at, '-infinity'), f.table_name collate "C", f.row_key, coalesce(f.name, '') collate "C")
        < (d.{name} is not null, coalesce(d._source_time, '-infinity'), d._source_table collate "C", d._source_key, coalesce(d.{name}, '') collate "C"))
