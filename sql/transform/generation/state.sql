-- purpose: compute a text that changes whenever anything about some tables is added, changed or removed,
--          without interpreting it
-- placeholders: {tables} core tables as literals; their partitions of all levels are included
-- rows: one: text
-- locks: none. Readers may be waiting for it to end, so it is planned before they have to: hence no
--        parameters
-- idempotent: reads only
-- Every change of the catalog writes a new row, with the xmin of its transaction; VACUUM and ANALYZE write
-- their figures in pg_class into the present row. A false alarm is harmless: the tables themselves are then
-- compared.
with recursive relation as (
    select to_regclass(t.name)::oid as oid
    from unnest(array[{tables}]::text[]) as t (name)
    union all
    select i.inhrelid
    from relation r
    join pg_inherits i on i.inhparent = r.oid
),
typed as (
    select c.reltype as oid from relation r join pg_class c on c.oid = r.oid
    union all
    select t.typarray from relation r join pg_class c on c.oid = r.oid join pg_type t on t.oid = c.reltype
),
part as (
    select c.oid, c.xmin from relation r join pg_class c on c.oid = r.oid
    union all
    select a.attrelid, a.xmin from relation r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0
    union all
    select i.inhrelid, i.xmin from relation r join pg_inherits i on i.inhrelid = r.oid
    union all
    select d.oid, d.xmin from relation r join pg_attrdef d on d.adrelid = r.oid
    union all
    select i.indexrelid, i.xmin from relation r join pg_index i on i.indrelid = r.oid
    union all
    select c.oid, c.xmin from relation r join pg_index i on i.indrelid = r.oid join pg_class c on c.oid = i.indexrelid
    union all
    select a.attrelid, a.xmin from relation r join pg_index i on i.indrelid = r.oid join pg_attribute a on a.attrelid = i.indexrelid and a.attnum > 0
    union all
    select k.oid, k.xmin from relation r join pg_constraint k on k.conrelid = r.oid
    union all
    select t.oid, t.xmin from relation r join pg_trigger t on t.tgrelid = r.oid
    union all
    select w.oid, w.xmin from relation r join pg_rewrite w on w.ev_class = r.oid
    union all
    select p.oid, p.xmin from relation r join pg_policy p on p.polrelid = r.oid
    union all
    select s.oid, s.xmin from relation r join pg_statistic_ext s on s.stxrelid = r.oid
    union all
    select p.oid, p.xmin from relation r join pg_publication_rel p on p.prrelid = r.oid
    union all
    select p.oid, p.xmin from relation r join pg_publication_rel x on x.prrelid = r.oid join pg_publication p on p.oid = x.prpubid
    union all
    -- views, functions and keys of others
    select d.objid, d.xmin from relation r join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = r.oid
    union all
    select d.objid, d.xmin from typed t join pg_depend d on d.refclassid = 'pg_type'::regclass and d.refobjid = t.oid
),
described as (
    select d.objoid, d.xmin from (select distinct oid from part) p join pg_description d on d.objoid = p.oid
    union all
    select l.objoid, l.xmin from relation r join pg_seclabel l on l.objoid = r.oid
)
select md5(string_agg(concat_ws(' ', oid, xmin), ',' order by oid, xmin::text))
from (select oid, xmin from part union all select objoid, xmin from described) every
