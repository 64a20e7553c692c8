-- purpose: read when the statistics of this database were last reset
-- rows: one: the time (text, UTC), null if never; whether the database has Citus: of distributed tables the
--       shards have to be asked
-- locks: none
-- idempotent: reads only
select to_char(stats_reset at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
       to_regclass('pg_catalog.pg_dist_shard') is not null
from pg_stat_database
where datname = current_database()
