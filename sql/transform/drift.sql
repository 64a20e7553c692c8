-- purpose: fields of some documents that evo.fields does not know, or not of that type
-- parameters: $1 entity text
-- placeholders: {sample} staged rows
-- rows: path, type, the types it had before (empty for a new field), object, line, is anything known of the entity
with recursive node as (
    select 1 as depth, e.key as path, jsonb_typeof(e.value) as type, e.value, s.run_id, s._source_file, s._source_line
    from {sample} s
    cross join lateral jsonb_each(case when jsonb_typeof(s.raw_data) = 'object' then s.raw_data end) e
    union all
    select n.depth + 1, n.path || c.step, jsonb_typeof(c.value), c.value, n.run_id, n._source_file, n._source_line
    from node n
    cross join lateral (
        select '.' || o.key, o.value from jsonb_each(case when n.type = 'object' then n.value end) o
        union all
        select '[]', a.value from jsonb_array_elements(case when n.type = 'array' then n.value end) a
    ) c (step, value)
    where n.depth < 6 and n.type in ('object', 'array')
),
known as materialized (select path, array_agg(type order by type) as types from evo.fields where entity = $1 group by path),
-- Usually none, and then nothing is sorted.
unknown as materialized (
    select path, type from node where type <> 'null'
    except
    select path, type from evo.fields where entity = $1
)
select distinct on (n.path, n.type)
    n.path, n.type, coalesce(k.types, '{}'), coalesce(n._source_file, ''), coalesce(n._source_line, 0), exists (select from known)
from node n
join unknown using (path, type)
left join known k on k.path = n.path
order by n.path, n.type, n.run_id, n._source_file, n._source_line
