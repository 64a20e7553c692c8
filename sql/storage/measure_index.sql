-- purpose: measure the free space in B-tree indexes
-- parameters: $1 indexes text[]
-- placeholders: {extension} the schema of pgstattuple
-- rows: of each its name and the bytes that a rebuilt index would not need, its leaves filled to 90 % or its
--       fillfactor; none for another kind of index
-- locks: ACCESS SHARE while it reads the whole index
-- idempotent: reads only
select
    t.name, greatest(0, m.index_size - current_setting('block_size')::bigint * (1 + m.internal_pages + ceil(
        m.leaf_pages * case when m.avg_leaf_density = 'nan' then 0 else m.avg_leaf_density end
        / coalesce((select option_value::int from pg_options_to_table(c.reloptions)
                    where option_name = 'fillfactor'), 90))))::bigint
from unnest($1::text[]) as t (name)
join pg_class c on c.oid = to_regclass(t.name)
join pg_am am on am.oid = c.relam and am.amname = 'btree'
join pg_index x on x.indexrelid = c.oid and x.indisvalid
cross join lateral {extension}.pgstatindex(c.oid::regclass) as m
