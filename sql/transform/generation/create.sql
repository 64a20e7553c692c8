-- purpose: write the statement that creates an empty table like a partition, with all that does not slow the
--          fill down
-- parameters: $1 partition text, $2 new table text
-- rows: one: the statement; everything about columns and checks that it copies, as a text that changes with
--       them
-- locks: none
-- idempotent: reads only
-- Without the tablespace's name it would lie wherever the role's default_tablespace says. Identity is the
-- parent's.
select
    format(
        'create %s table %s (like %s including all excluding indexes excluding statistics excluding identity)%s%s tablespace %I',
        case when c.relpersistence = 'u' then 'unlogged' end,
        $2,
        $1,
        case when a.amname is not null then format(' using %I', a.amname) end,
        case when c.reloptions is not null then format(' with (%s)', array_to_string(array(
            select format('%s = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)) from unnest(c.reloptions) o), ', ')) end,
        s.spcname),
    (select string_agg(concat_ws(' ', f.attname, format_type(f.atttypid, f.atttypmod), f.attcollation, f.attnotnull, f.attidentity, f.attgenerated,
                                 f.attstorage, f.attcompression, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, f.attnum)), ', ' order by f.attnum)
     from pg_attribute f
     left join pg_attrdef d on d.adrelid = f.attrelid and d.adnum = f.attnum
     where f.attrelid = c.oid and f.attnum > 0 and not f.attisdropped)
    || coalesce((select string_agg(concat_ws(' ', k.conname, pg_get_constraintdef(k.oid)), ', ' order by k.conname)
                 from pg_constraint k
                 where k.conrelid = c.oid and k.contype = 'c'), '')
from pg_class c
join pg_database b on b.datname = current_database()
join pg_tablespace s on s.oid = coalesce(nullif(c.reltablespace, 0), b.dattablespace)
left join pg_am a on a.oid = c.relam
where c.oid = $1::text::regclass
