-- purpose: list the indexes of each leaf table of some parents
-- parameters: $1 tables text[]
-- rows: index, parent, leaf, bytes, scans since the statistics were reset, is it valid, is somebody building
--       it right now, is it a leftover of a canceled REINDEX CONCURRENTLY, does it enforce a rule (primary
--       key or unique), can it be rebuilt concurrently (exclusion constraints cannot)
-- locks: ACCESS SHARE for a moment; an index that is dropped in the meantime has size 0
-- idempotent: reads only
-- An index under construction is INVALID too; dropping it would break somebody else's rebuild. The progress
-- view shows those of all databases of the server, and databases made from one template share their OIDs.
with recursive leaf as (
    select to_regclass(t.name)::oid as parent, to_regclass(t.name)::oid as oid
    from unnest($1::text[]) as t (name)
    union all
    select leaf.parent, i.inhrelid
    from leaf
    join pg_inherits i on i.inhparent = leaf.oid
),
found as (
    select
        l.parent, l.oid as leaf, x.indexrelid, x.indisvalid, x.indisunique, x.indisexclusion, c.relname, c.relnamespace,
        exists (select from pg_stat_progress_create_index b
            where b.datname = current_database() and b.relid = x.indrelid) as is_building
    from leaf l
    join pg_index x on x.indrelid = l.oid
    join pg_class c on c.oid = x.indexrelid and c.relkind = 'i'
)
select
    format('%I.%I', n.nspname, f.relname), format('%I.%I', pn.nspname, p.relname),
    format('%I.%I', tn.nspname, t.relname),
    coalesce(pg_relation_size(f.indexrelid), 0), coalesce(s.idx_scan, 0), f.indisvalid,
    not f.indisvalid and f.is_building,
    not f.indisvalid and not f.is_building and f.relname ~ '_cc(new|old)\d*$',
    f.indisunique or f.indisexclusion, not f.indisexclusion
from found f
join pg_namespace n on n.oid = f.relnamespace
join pg_class p on p.oid = f.parent
join pg_namespace pn on pn.oid = p.relnamespace
join pg_class t on t.oid = f.leaf
join pg_namespace tn on tn.oid = t.relnamespace
left join pg_stat_all_indexes s on s.indexrelid = f.indexrelid
order by 2, 3, 1
