-- purpose: no column has lost its values since the last full refresh: a renamed field, a changed payload
-- for: each entity
-- severity: fail
-- when: swap, check
-- parameter: points = 20
-- parameter: min_rows = 100
-- hint: look for the field in new documents of staging, and for its values in evo.issues
-- note: by the planner's statistics, so it costs no pass over the table; the last refresh's shares are in evo.column_fill
select p.table_name || '.' || p.column_name || ' ' || round(l.filled * 100) || '% → ' || round(p.filled * 100) || '%'
from {statistics} p
join evo.column_fill l using (table_name, column_name)
where least(l.rows_count, p.rows_count) >= {min_rows} and (l.filled - p.filled) * 100 > {points}
