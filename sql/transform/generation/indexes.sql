-- purpose: write the statements that make a partition's indexes on its successor, and whatever depends on an
--          index
-- parameters: $1 partition text, $2 new table text, $3 whether the tables are distributed boolean
-- rows: does it build an index (those may run side by side), statement, the setting of default_tablespace
--       that puts what it builds where the old one lies; the others run in this order. The names are the
--       partition's: the successor lives in another schema
-- locks: none
-- idempotent: reads only
with index as (
    select i.*, c.relname, coalesce(s.spcname, '') as spcname, k.oid as constraint_oid, k.conname, k.contype, pg_get_constraintdef(k.oid) as condef, pg_get_indexdef(i.indexrelid) as def,
           format(' ON %s ', $1) as split
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    left join pg_tablespace s on s.oid = c.reltablespace
    left join pg_constraint k on k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
    where i.indrelid = $1::text::regclass and i.indisvalid
),
statement as (
    -- The text before USING is written again.
    select 1 as part, relname, indisprimary, spcname, format('create%s index %I on %s %s', case when indisunique then ' unique' end, relname, $2,
                                                    substr(def, strpos(def, split) + length(split))) as text
    from index
    where contype is distinct from 'x' and not ($3 and contype is not null)
    union all
    select 2, relname, indisprimary, spcname, format('alter table %s add constraint %I %s', $2, conname,
               case when contype = 'x' or $3 then condef
                            else format('%s using index %I%s', case contype when 'p' then 'primary key' else 'unique' end, relname,
                                        substring(condef from ' DEFERRABLE.*$')) end)
    from index
    where contype is not null
    union all
    select 3, relname, indisprimary, spcname, format('comment on index %s.%I is %L', split_part($2, '.', 1), relname, obj_description(indexrelid, 'pg_class'))
    from index
    where obj_description(indexrelid, 'pg_class') is not null
    union all
    select 3, relname, indisprimary, spcname, format('comment on constraint %I on %s is %L', conname, $2, obj_description(constraint_oid, 'pg_constraint'))
    from index
    where obj_description(constraint_oid, 'pg_constraint') is not null
    union all
    select 4, i.relname, indisprimary, spcname, format('alter index %s.%I alter column %s set statistics %s', split_part($2, '.', 1), i.relname, a.attnum, a.attstattarget)
    from index i
    join pg_attribute a on a.attrelid = i.indexrelid and a.attstattarget >= 0 and not $3
    union all
    select 5, relname, indisprimary, spcname, format('alter table %s cluster on %I', $2, relname)
    from index
    where indisclustered
    union all
    select 6, relname, indisprimary, spcname, format('alter table %s replica identity using index %I', $2, relname)
    from index
    where indisreplident
)
select part = 1, text, format('set local default_tablespace = %L', spcname) from statement order by part, indisprimary desc, relname
