-- purpose: find out whether the database has Citus, so that tables may be distributed
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select to_regclass('pg_catalog.pg_dist_partition') is not null
