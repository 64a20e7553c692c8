-- purpose: hold a dimension against the winners of an election among all sightings
-- placeholders: {winners} rows of dimension_elect.sql, {table} the dimension, {key} and {name} its columns,
--               {name_text} the latter as a literal, {limit} rows of each class
-- rows: id as text, class: missing, added or differs; the columns that differ, table and key as text of the
--       winner's core row, how many rows of the class there are
-- locks: none
-- idempotent: reads only
with winner as materialized ({winners}),
compared as (
    select
        coalesce(w.id, d.{key}) as id,
        case when d.{key} is null then 'missing' when w.id is null then 'added' else 'differs' end as class,
        w.name, d.{name} as is_named, w.seen_at, d._source_time as is_seen_at, w.table_name, w.row_key,
        (w.table_name, w.row_key) is distinct from (d._source_table, d._source_key) as is_of_another_row
    from winner w
    full join {table} d on d.{key} = w.id
    where d.{key} is null or w.id is null
       or (w.name, w.seen_at, w.table_name, w.row_key) is distinct from (d.{name}, d._source_time, d._source_table, d._source_key)
)
select
    id::text, class,
    case
        when class = 'differs' then array_remove(array[
            case when name is distinct from is_named then {name_text} end,
            case when seen_at is distinct from is_seen_at then '_source_time' end,
            case when is_of_another_row then '_source_key' end]::text[], null)
        else '{}'
    end,
    table_name, row_key::text, rows
from (
    select c.*, count(*) over (partition by c.class) as rows, row_number() over (partition by c.class order by c.id) as row_no
    from compared c
) c
where row_no <= {limit}
order by class, c.id
