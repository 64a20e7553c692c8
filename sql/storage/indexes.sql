-- purpose: the indexes of each leaf table of some parents
-- parameters: $1 tables text[]
-- rows: index, leaf, bytes, scans since the statistics were reset, is valid, is a leftover of a canceled REINDEX CONCURRENTLY,
--       keeps a rule (primary key or unique)
-- locks: none beyond those of reading the catalog
with recursive leaf as (
    select t.name::regclass as oid from unnest($1::text[]) as t (name)
    union all
    select i.inhrelid::regclass from leaf join pg_inherits i on i.inhparent = leaf.oid
)
select
    format('%I.%I', n.nspname, c.relname), format('%I.%I', tn.nspname, t.relname), pg_relation_size(x.indexrelid), coalesce(s.idx_scan, 0), x.indisvalid,
    not x.indisvalid and c.relname ~ '_cc(new|old)\d*$', x.indisunique
from leaf l
join pg_index x on x.indrelid = l.oid
join pg_class c on c.oid = x.indexrelid and c.relkind = 'i'
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = l.oid
join pg_namespace tn on tn.oid = t.relnamespace
left join pg_stat_all_indexes s on s.indexrelid = x.indexrelid
order by 1
