-- purpose: write the winners into the dimension, and delete ids that no document names any more
-- placeholders: {winners} rows of dimension_elect.sql, {table} the dimension, {key} and {name} its columns,
--               {gone} a condition on the rows d that may be deleted
-- rows: one: winners, inserted, updated, deleted
-- locks: the rows that it writes, until commit
-- idempotent: rows that do not differ are not touched
with winner as materialized ({winners}),
differing as (
    select w.id, w.name, w.seen_at, w.table_name, w.row_key, d.{key} is null as is_new
    from winner w
    left join {table} d on d.{key} = w.id
    where d.{key} is null
       or (w.name, w.seen_at, w.table_name, w.row_key) is distinct from (d.{name}, d._source_time, d._source_table, d._source_key)
),
written as (
    insert into {table} ({key}, {name}, _source_time, _source_table, _source_key, _updated_at)
    select id, name, seen_at, table_name, row_key, now() from differing order by id
    on conflict ({key}) do update
    set {name} = excluded.{name}, _source_time = excluded._source_time, _source_table = excluded._source_table,
        _source_key = excluded._source_key, _updated_at = excluded._updated_at
    returning 1
),
gone as (
    delete from {table} d
    where {gone} and not exists (select 1 from winner w where w.id = d.{key})
    returning 1
)
select (select count(*) from winner), count(*) filter (where is_new), count(*) filter (where not is_new), (select count(*) from gone)
from differing
