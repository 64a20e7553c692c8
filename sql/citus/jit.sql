-- purpose: write the statement that keeps the servers of this database from compiling queries
-- rows: the statement; none where that is set already
-- locks: none
-- idempotent: reads only
select format('alter database %I set jit = off', current_database())
where not exists (
    select from pg_db_role_setting s
    where s.setdatabase = (select oid from pg_database where datname = current_database()) and s.setrole = 0
      and 'jit=off' = any (s.setconfig)
)
