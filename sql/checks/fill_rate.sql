-- purpose: no column has lost its values since the last full refresh: a renamed field, a changed payload
-- for: each entity
-- severity: fail
-- when: swap, check
-- parameter: points = 20
-- parameter: min_rows = 100
-- hint: look for the field in new documents of staging, and for its values in evo.issues
-- note: by the planner's statistics, so it costs no pass over the table; the last refresh's shares are in evo.column_fill
with present as (
    select g.table_name, s.attname::text as column_name, sum(c.reltuples) as rows_count,
           sum(c.reltuples * (1 - s.null_frac)) / sum(c.reltuples) as filled
    from {generation} g (table_name, part)
    join pg_class c on c.oid = g.part and c.reltuples > 0
    join pg_namespace n on n.oid = c.relnamespace
    join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname
    group by 1, 2
)
select p.table_name || '.' || p.column_name || ' ' || round(l.filled * 100) || '% → ' || round(p.filled * 100) || '%'
from present p
join evo.column_fill l using (table_name, column_name)
where least(l.rows_count, p.rows_count) >= {min_rows} and (l.filled - p.filled) * 100 > {points}
