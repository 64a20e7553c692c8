-- purpose: find tables and partitions of them that belong to other roles than this one
-- parameters: $1 tables text[]
-- rows: relation, its owner, this role
-- locks: none
-- idempotent: reads only
with recursive relation as (
    select to_regclass(t.name)::oid as oid
    from unnest($1::text[]) as t (name)
    union
    select i.inhrelid
    from relation
    join pg_inherits i on i.inhparent = relation.oid
)
select format('%I.%I', n.nspname, c.relname), pg_get_userbyid(c.relowner)::text, current_user::text
from relation r
join pg_class c on c.oid = r.oid
join pg_namespace n on n.oid = c.relnamespace
where not pg_has_role(c.relowner, 'usage')
order by 1
