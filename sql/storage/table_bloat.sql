-- purpose: estimate the free and dead space in tables, from the planner's statistics alone
-- parameters: $1 leaf tables text[]
-- rows: leaf, bytes that a rewritten table would not need; null without statistics, unless the
--       table is empty
-- locks: ACCESS SHARE for a moment on those without statistics
-- idempotent: reads only
-- A row is its line pointer (4 bytes), its header (23, and a bitmap if there are nulls), the average widths,
-- and half of the possible padding in front of a fixed-width column that follows a narrower or a variable
-- one. TOAST is not part of it.
with col as (
    select
        c.oid, c.reltuples, c.relpages, a.attnum,
        s.null_frac, s.avg_width, a.attlen,
        case a.attalign when 'd' then 8 when 'i' then 4 when 's' then 2 else 1 end as aligned,
        lag(case when a.attlen > 0 then case a.attalign when 'd' then 8 when 'i' then 4 when 's' then 2 else 1 end
            else 1 end, 1, 8)
            over (partition by c.oid order by a.attnum) as aligned_before
    from unnest($1::text[]) as t (name)
    join pg_class c on c.oid = to_regclass(t.name)
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname
        and not s.inherited
),
width as (
    select
        oid, reltuples, relpages,
        count(*) filter (where avg_width is null) as unknown_count,
        sum((1 - null_frac) * (avg_width + case when attlen > 0 and aligned > aligned_before then (aligned - 1) / 2.0
            else 0 end)) as data,
        case when max(null_frac) > 0 then 23 + (count(*) + 7) / 8 else 23 end as header
    from col
    group by oid, reltuples, relpages
)
select
    format('%I.%I', n.nspname, c.relname),
    case
        when w.unknown_count > 0 or w.reltuples < 0 then case when pg_relation_size(c.oid) = 0 then 0 end
        else greatest(0, w.relpages - ceil(w.reltuples * (4 + ceil(w.header / 8.0) * 8 + ceil(w.data / 8.0) * 8)
             / ((b.size - 24) * coalesce((select option_value::int from pg_options_to_table(c.reloptions)
                 where option_name = 'fillfactor'), 100) / 100.0))
             )::bigint * b.size
    end
from width w
cross join (select current_setting('block_size')::bigint as size) b
join pg_class c on c.oid = w.oid
join pg_namespace n on n.oid = c.relnamespace
