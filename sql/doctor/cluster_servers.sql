-- purpose: read of a server of a cluster what jobs rely on
-- parameters: $1 evo's schemas text[]
-- rows: one: bytes of the database; transactions of Citus that are prepared for more than a minute; INVALID indexes
--       that nobody builds, a JSON array or null
-- locks: none
-- idempotent: reads only
select pg_database_size(current_database()),
       (select count(*) from pg_prepared_xacts x
        where x.database = current_database() and x.gid like 'citus\_%' and x.prepared < now() - interval '1 minute'),
       (select json_agg(format('%I.%I', n.nspname, c.relname))
        from pg_index x
        join pg_class c on c.oid = x.indexrelid and c.relkind = 'i'
        join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = any ($1) and not x.indisvalid
          and not exists (select from pg_stat_progress_create_index b
              where b.datname = current_database() and b.relid = x.indrelid))
