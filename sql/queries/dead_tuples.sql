-- purpose: live and dead rows of each table of the warehouse, and when it was last vacuumed
-- rows: schema, table, live rows, dead rows, dead in percent, last vacuum, last autovacuum; the most dead first
select schemaname, relname, n_live_tup, n_dead_tup,
       round(100.0 * n_dead_tup / nullif(n_live_tup + n_dead_tup, 0), 1) as dead_percent, last_vacuum, last_autovacuum
from pg_stat_user_tables
where schemaname in ('stg_evo', 'core')
order by n_dead_tup desc, schemaname, relname;
