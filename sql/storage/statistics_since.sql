-- purpose: read when the statistics of this database were last reset
-- rows: one: the time (text, UTC), null if never
-- locks: none
-- idempotent: reads only
select to_char(stats_reset at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from pg_stat_database
where datname = current_database()
