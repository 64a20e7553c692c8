-- purpose: find what refers to a partition itself, or to its row type, rather than to its parent, and would
--          go on with the replaced generation
-- parameters: $1 partition text
-- rows: what it is, its name, for a view the statement that makes it read whatever has the partition's name,
--       else null
-- locks: none
-- idempotent: reads only
-- What belongs to the partition is left out, because its successor is given the same. Everything else is
-- named.
with part as (
    select c.oid, c.reltype, t.typarray
    from pg_class c
    left join pg_type t on t.oid = c.reltype
    where c.oid = $1::text::regclass
),
dependent as (
    select distinct d.classid, d.objid, d.objsubid, part.oid as part
    from part
    join pg_depend d on (d.refclassid = 'pg_class'::regclass and d.refobjid = part.oid)
                     or (d.refclassid = 'pg_type'::regclass and d.refobjid in (part.reltype, part.typarray))
    -- a sequence that a column owns, and a rule of the table itself, go with it
    where d.deptype = 'n'
       or (d.deptype = 'a' and d.classid = 'pg_class'::regclass and exists (select from pg_class s where s.oid = d.objid and s.relkind = 'S'))
       or (d.classid = 'pg_rewrite'::regclass and exists (select from pg_rewrite r where r.oid = d.objid and r.ev_class = part.oid))
)
select distinct
    case
        when v.relkind = 'v' then 'view'
        when v.relkind = 'm' then 'materialized view'
        when r.oid is not null then 'rule'
        when d.classid = 'pg_proc'::regclass then 'function'
        when d.classid = 'pg_policy'::regclass then 'policy'
        when d.classid = 'pg_constraint'::regclass then 'foreign key'
        else 'object'
    end,
    case
        when v.relkind in ('v', 'm') then pg_describe_object('pg_class'::regclass, v.oid, 0)
        else pg_describe_object(d.classid, d.objid, d.objsubid)
    end,
    case
        when v.relkind = 'v' and pg_has_role(v.relowner, 'usage') then
            format('create or replace view %s%s as %s', v.oid::regclass,
                   case when v.reloptions is not null then format(' with (%s)', array_to_string(v.reloptions, ', ')) end, pg_get_viewdef(v.oid))
    end
from dependent d
left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
left join pg_class v on v.oid = r.ev_class
where not exists (select from pg_constraint k where d.classid = 'pg_constraint'::regclass and k.oid = d.objid and (k.conrelid = d.part or k.conparentid <> 0))
  and not exists (select from pg_policy x where d.classid = 'pg_policy'::regclass and x.oid = d.objid and x.polrelid = d.part)
  and not exists (select from pg_trigger x where d.classid = 'pg_trigger'::regclass and x.oid = d.objid and (x.tgrelid = d.part or x.tgisinternal))
  and not exists (select from pg_statistic_ext x where d.classid = 'pg_statistic_ext'::regclass and x.oid = d.objid and x.stxrelid = d.part)
  and not exists (select from pg_index x where d.classid = 'pg_class'::regclass and x.indexrelid = d.objid and x.indrelid = d.part)
  and not exists (select from pg_attrdef x where d.classid = 'pg_attrdef'::regclass and x.oid = d.objid and x.adrelid = d.part)
  and not exists (select from pg_publication_rel x where d.classid = 'pg_publication_rel'::regclass and x.oid = d.objid and x.prrelid = d.part)
  and not (d.classid = 'pg_class'::regclass and d.objid = d.part)
