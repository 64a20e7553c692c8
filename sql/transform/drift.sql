-- purpose: find fields of some documents that evo.fields does not know, or not of that type
-- parameters: $1 entity text, $2 objects whose further names are one field, `*`, text[]
-- placeholders: {sample} staged rows
-- rows: path, type, the types it had before (empty for a new field), object, line, is anything known of the
--       entity, the path of the object that has the field (null for an array's element), how many of its
--       names are known; at most 2,001
-- locks: none
-- idempotent: reads only
-- A name longer than 60 bytes is cut and marked with a digest; an entity has at most 10,000 fields.
with recursive known as materialized (select path, array_agg(type order by type) as types from evo.fields where entity = $1 group by path),
named as materialized (
    select coalesce(substring(path from '^(.*)[.][^.]*$'), '') as parent, count(*) as names, bool_or(path ~ '(^|[.])[*]$') as has_star
    from known where path !~ '\[\]$' group by 1
),
node as (
    select 0 as depth, null::text as parent, ''::text as path, 'object'::text as type, s.raw_data as value, s.run_id, s._source_file, s._source_line
    from {sample} s
    where jsonb_typeof(s.raw_data) = 'object'
    union all
    select n.depth + 1, c.parent, c.path, jsonb_typeof(c.value), c.value, n.run_id, n._source_file, n._source_line
    from node n
    cross join lateral (
        select n.path as parent,
               concat_ws('.', nullif(n.path, ''), case
                   when n.path = any (array(select parent from named where has_star) || $2::text[])
                        and not (concat_ws('.', nullif(n.path, ''), k.name) = any (array(select path from known))) then '*'
                   else k.name end) as path,
               k.value
        from (
            select case when octet_length(o.key) <= 60 then o.key else left(o.key, 30) || '…' || left(md5(o.key), 12) end as name, o.value
            from jsonb_each(case when n.type = 'object' then n.value end) o
        ) k
        union all
        select null, n.path || '[]', a.value from jsonb_array_elements(case when n.type = 'array' then n.value end) a
    ) c
    where n.depth < 6 and n.type in ('object', 'array')
),
-- Usually none, and then nothing is sorted.
unknown as materialized (
    select path, type from node where depth > 0 and type <> 'null'
    except
    select path, type from evo.fields where entity = $1
)
select distinct on (n.path, n.type)
    n.path, n.type, coalesce(k.types, '{}'), coalesce(n._source_file, ''), coalesce(n._source_line, 0), exists (select from known),
    n.parent, coalesce(p.names, 0)
from node n
join unknown using (path, type)
left join known k on k.path = n.path
left join named p on p.parent = n.parent
order by n.path, n.type, n.run_id, n._source_file, n._source_line
limit greatest(0, least(2001, 10000 - (select count(*) from known)))
