-- purpose: find out whether rows of the warehouse show which transaction wrote them: not those of tables that
--          Citus distributes
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select not exists (select from pg_extension where extname = 'citus')
