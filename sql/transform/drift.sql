-- purpose: remember the fields of some documents and their types; what was not known is returned
-- parameters: $1 entity text, $2 execution id uuid
-- placeholders: {sample} staged rows
-- rows: path, type, the types it had before (empty for a new field), object, line
-- locks: none that anyone waits for long
-- idempotent: what is known is not written again
with recursive node as (
    select 1 as depth, e.key as path, e.value, s.run_id, s._source_file, s._source_line
    from {sample} s
    cross join lateral jsonb_each(case when jsonb_typeof(s.raw_data) = 'object' then s.raw_data end) e
    union all
    select n.depth + 1, n.path || c.step, c.value, n.run_id, n._source_file, n._source_line
    from node n
    cross join lateral (
        select '.' || o.key, o.value from jsonb_each(case when jsonb_typeof(n.value) = 'object' then n.value end) o
        union all
        select '[]', a.value from jsonb_array_elements(case when jsonb_typeof(n.value) = 'array' then n.value end) a
    ) c (step, value)
    where n.depth < 6
),
known as materialized (select path, array_agg(type order by type) as types from evo.fields where entity = $1 group by path),
added as (
    insert into evo.fields (entity, path, type, execution_id, source_file, source_line)
    select distinct on (path, jsonb_typeof(value)) $1, path, jsonb_typeof(value), $2, _source_file, _source_line
    from node
    where jsonb_typeof(value) <> 'null'
    order by path, jsonb_typeof(value), run_id, _source_file, _source_line
    on conflict (entity, path, type) do nothing
    returning path, type, source_file, source_line
)
select a.path, a.type, coalesce(k.types, '{}'), coalesce(a.source_file, ''), coalesce(a.source_line, 0)
from added a
left join known k on k.path = a.path
order by 1, 2
