-- purpose: tell whether a server's tables were written, vacuumed or analyzed since the last time
-- rows: one: a text that differs when they were
-- locks: none
-- idempotent: reads only
select sum(n_tup_ins + n_tup_upd + n_tup_del) || '/' || sum(n_dead_tup) || '/'
       || sum(vacuum_count + autovacuum_count + analyze_count + autoanalyze_count)
from pg_stat_all_tables
where schemaname !~ '^pg_' and schemaname not in ('evo', 'information_schema')
