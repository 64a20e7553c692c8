-- purpose: storage of each leaf table of some parents: heap, TOAST and indexes apart
-- parameters: $1 tables text[] (partitioned parents or plain tables)
-- rows: parent, leaf, heap bytes, TOAST bytes (with its index), index bytes, live tuples, dead tuples, last vacuum, last analyze (text, UTC)
-- locks: none beyond those of reading the catalog
-- note: names are qualified whatever the search_path, which regclass would follow
-- note: "total minus heap" is not bloat: most of it is TOAST, where wide documents live
with recursive leaf as (
    select t.name::regclass as parent, t.name::regclass as oid
    from unnest($1::text[]) as t (name)
    union all
    select leaf.parent, i.inhrelid::regclass
    from leaf
    join pg_inherits i on i.inhparent = leaf.oid
)
select
    format('%I.%I', pn.nspname, p.relname), format('%I.%I', n.nspname, c.relname),
    pg_relation_size(l.oid, 'main'),
    coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)::bigint,
    pg_indexes_size(l.oid),
    coalesce(s.n_live_tup, 0), coalesce(s.n_dead_tup, 0),
    to_char(greatest(s.last_vacuum, s.last_autovacuum) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
    to_char(greatest(s.last_analyze, s.last_autoanalyze) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
from leaf l
join pg_class c on c.oid = l.oid
join pg_namespace n on n.oid = c.relnamespace
join pg_class p on p.oid = l.parent
join pg_namespace pn on pn.oid = p.relnamespace
left join pg_stat_all_tables s on s.relid = l.oid
where c.relkind = 'r'
order by 1, 2
