-- purpose: the statement that creates an empty table like a partition, with all that does not slow the fill down
-- parameters: $1 partition text, $2 new table text
-- rows: one: the statement
select format(
    'create %s table %s (like %s including all excluding indexes excluding statistics)%s%s%s',
    case when c.relpersistence = 'u' then 'unlogged' end,
    $2,
    $1,
    case when a.amname is not null then format(' using %I', a.amname) end,
    case when c.reloptions is not null then format(' with (%s)', array_to_string(array(
        select format('%s = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)) from unnest(c.reloptions) o), ', ')) end,
    case when s.spcname is not null then format(' tablespace %I', s.spcname) end)
from pg_class c
left join pg_am a on a.oid = c.relam
left join pg_tablespace s on s.oid = c.reltablespace
where c.oid = $1::text::regclass
