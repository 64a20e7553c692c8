-- purpose: read the size of each table of staging and core
-- parameters: $1 staging and core tables text[]
-- rows: the table of the list; its leaf, qualified; rows, estimated; bytes with TOAST and indexes; does the leaf say
--       itself when it is vacuumed
-- locks: ACCESS SHARE for a moment; a table that is dropped in the meantime has size 0
-- idempotent: reads only
with recursive leaf as (
    select t.name as parent, to_regclass(t.name)::oid as oid from unnest($1::text[]) as t (name)
    union all
    select leaf.parent, i.inhrelid from leaf join pg_inherits i on i.inhparent = leaf.oid
)
select l.parent, format('%I.%I', n.nspname, c.relname), greatest(c.reltuples, 0)::bigint,
       coalesce(pg_total_relation_size(c.oid), 0),
       coalesce(array_to_string(c.reloptions, ' ') like '%autovacuum_vacuum_%', false)
from leaf l
join pg_class c on c.oid = l.oid and c.relkind = 'r'
join pg_namespace n on n.oid = c.relnamespace
order by 4 desc, 2
