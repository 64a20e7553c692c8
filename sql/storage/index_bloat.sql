-- purpose: estimate the free space in B-tree indexes, from the planner's statistics alone
-- parameters: $1 indexes text[]
-- rows: index, bytes that a rebuilt index would not need; null without statistics (for expressions that were
--       never analyzed, and for other kinds of index), unless it is empty
-- locks: ACCESS SHARE for a moment on those without statistics
-- idempotent: reads only
-- An entry is its line pointer (4 bytes), its header (8, and 8 more for a bitmap if there are nulls) and the
-- average widths. The copies of an equal key in an index that is not unique are packed into lists of 6 bytes
-- each (deduplication).
-- The statistics are read once: joined as a view, the server would search them again for each index.
with stat as materialized (
    select schemaname, tablename, attname, null_frac, avg_width, n_distinct from pg_stats where not inherited
),
col as (
    select
        x.indexrelid, i.reltuples, i.relpages, x.indisunique,
        coalesce(s.null_frac, e.null_frac) as null_frac, coalesce(s.avg_width, e.avg_width) as avg_width,
        case when coalesce(s.n_distinct, e.n_distinct) < 0 then -coalesce(s.n_distinct, e.n_distinct) * i.reltuples
            else coalesce(s.n_distinct, e.n_distinct) end as distinct_count
    from unnest($1::text[]) as t (name)
    join pg_index x on x.indexrelid = to_regclass(t.name)
    join pg_class i on i.oid = x.indexrelid
    join pg_am am on am.oid = i.relam and am.amname = 'btree'
    join pg_class c on c.oid = x.indrelid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = x.indexrelid and a.attnum > 0
    left join pg_attribute ta on ta.attrelid = x.indrelid and ta.attnum = x.indkey[a.attnum - 1] and ta.attnum > 0
    -- Of a column those of the table, of an expression those of the index.
    left join stat s
        on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = ta.attname
    left join stat e
        on e.schemaname = n.nspname and e.tablename = i.relname and e.attname = a.attname
        and ta.attname is null
),
entry as (
    select
        indexrelid, reltuples, relpages, indisunique,
        count(*) filter (where avg_width is null) as unknown_count,
        4 + 8 + case when max(null_frac) > 0 then 8 else 0 end
            + ceil(sum((1 - null_frac) * avg_width) / 8.0) * 8 as bytes,
        -- All columns together have at least as many values as any one of them; with several, take each entry as
        -- its own.
        case when count(*) = 1 then greatest(1, least(max(distinct_count), reltuples)) else reltuples end as keys
    from col
    group by indexrelid, reltuples, relpages, indisunique
)
select
    format('%I.%I', n.nspname, c.relname),
    case
        when e.unknown_count > 0 or e.reltuples < 0 then case when pg_relation_size(c.oid) <= 2 * b.size then 0 end
        else greatest(0, e.relpages - 1 - ceil(
                case when e.indisunique then e.reltuples * e.bytes
                    else e.keys * e.bytes + (e.reltuples - e.keys) * 6 end
                / ((b.size - 24 - 16) * coalesce((select option_value::int from pg_options_to_table(c.reloptions)
                    where option_name = 'fillfactor'), 90) / 100.0)
            ))::bigint * b.size
    end
from entry e
cross join (select current_setting('block_size')::bigint as size) b
join pg_class c on c.oid = e.indexrelid
join pg_namespace n on n.oid = c.relnamespace
