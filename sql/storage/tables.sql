-- purpose: read the storage of each leaf table of some parents: heap, TOAST and indexes apart
-- parameters: $1 partitioned parents or plain tables text[]
-- rows: parent, leaf, heap bytes, TOAST bytes (with its index), index bytes, live tuples, dead tuples, last
--       vacuum, last analyze (text, UTC), whether this role may vacuum it (VACUUM skips what it may not, with
--       a warning only)
-- locks: ACCESS SHARE for a moment; a table that is dropped in the meantime has size 0
-- idempotent: reads only
-- "Total minus heap" is not bloat: most of it is TOAST, where wide documents live.
with recursive leaf as (
    select to_regclass(t.name)::oid as parent, to_regclass(t.name)::oid as oid
    from unnest($1::text[]) as t (name)
    union all
    select leaf.parent, i.inhrelid
    from leaf
    join pg_inherits i on i.inhparent = leaf.oid
),
owner as (
    select pg_has_role(datdba, 'usage') as is_ours from pg_database where datname = current_database()
)
select
    format('%I.%I', pn.nspname, p.relname), format('%I.%I', n.nspname, c.relname),
    coalesce(pg_relation_size(c.oid, 'main'), 0),
    coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)::bigint,
    coalesce(pg_indexes_size(c.oid), 0),
    -- what VACUUM, ANALYZE or the building of an index counted; the statistics add to that what sessions report late
    coalesce(nullif(c.reltuples, -1)::bigint, s.n_live_tup, 0), coalesce(s.n_dead_tup, 0),
    to_char(greatest(s.last_vacuum, s.last_autovacuum) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
    to_char(greatest(s.last_analyze, s.last_autoanalyze) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
    owner.is_ours or pg_has_role(c.relowner, 'usage')
        or case when current_setting('server_version_num')::int >= 170000 then has_table_privilege(c.oid, 'MAINTAIN')
            else false end
from leaf l
cross join owner
join pg_class p on p.oid = l.parent
join pg_namespace pn on pn.oid = p.relnamespace
join pg_class c on c.oid = l.oid and c.relkind = 'r'
join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_all_tables s on s.relid = c.oid
order by 1, 2
