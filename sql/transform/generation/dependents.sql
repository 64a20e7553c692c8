-- purpose: what refers to a partition itself rather than to its parent, and would go on reading the replaced generation
-- parameters: $1 partition text
-- rows: what it is, its name, for a view the statement that makes it read whatever has the partition's name, else null
select distinct
    case when v.relkind = 'v' then 'view' when v.relkind = 'm' then 'materialized view' when v.oid is not null then 'rule'
         when d.classid = 'pg_proc'::regclass then 'function' when d.classid = 'pg_policy'::regclass then 'policy' else 'foreign key' end,
    pg_describe_object(case when v.oid is null then d.classid else 'pg_class'::regclass end, coalesce(v.oid, d.objid), 0),
    case when v.relkind = 'v' then format('create or replace view %s%s as %s', v.oid::regclass,
        case when v.reloptions is not null then format(' with (%s)', array_to_string(v.reloptions, ', ')) end, pg_get_viewdef(v.oid)) end
from pg_depend d
left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
left join pg_class v on v.oid = r.ev_class
left join pg_constraint k on d.classid = 'pg_constraint'::regclass and k.oid = d.objid
left join pg_policy p on d.classid = 'pg_policy'::regclass and p.oid = d.objid
where d.refclassid = 'pg_class'::regclass and d.refobjid = $1::text::regclass and d.deptype = 'n'
  and (r.oid is not null or d.classid = 'pg_proc'::regclass
       or (k.contype = 'f' and k.confrelid = d.refobjid and k.conparentid = 0)
       or (p.oid is not null and p.polrelid <> d.refobjid))
