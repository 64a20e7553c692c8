-- purpose: CTE of sql/transform/incremental.sql for child tables
-- placeholders: {table}, {staging_key}, {source}, {parent_key}, {table_key}, {key}
,
-- children of a changed parent that its document no longer has
gone as (
    delete from {table} t
    using (select {staging_key} as parent from {source} s) p
    where t.{parent_key} = p.parent and ({table_key}) not in (select {key} from fresh)
    returning 1
)
