-- purpose: read what the server, the database and the role are
-- rows: one: version as a number; version; is it a standby; role, database, both as SQL writes them; is the
--       session encrypted, null where the server does not say; TLS version or null; bytes of the database; oldest
--       transaction id and multixact in use, as their age; the server's clock in milliseconds since 1970; is it
--       Azure's; is it read-only although neither role nor database say so; seconds by which a standby is behind,
--       null for others; is the role a superuser; may it see what other sessions do; days until its password
--       expires, or null; the session_replication_role; has the database Citus
-- locks: none
-- idempotent: reads only
select current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(),
       quote_ident(current_user), quote_ident(current_database()),
       (select s.ssl from pg_stat_ssl s where s.pid = pg_backend_pid()),
       (select s.version from pg_stat_ssl s where s.pid = pg_backend_pid()),
       pg_database_size(current_database()),
       (select max(age(datfrozenxid))::bigint from pg_database),
       (select max(mxid_age(datminmxid))::bigint from pg_database),
       (extract(epoch from clock_timestamp()) * 1000)::bigint,
       current_setting('azure.extensions', true) is not null,
       exists (select from pg_settings where name = 'default_transaction_read_only' and setting = 'on'
               and source not in ('user', 'database', 'database user')),
       case when pg_is_in_recovery() and pg_last_wal_receive_lsn() is distinct from pg_last_wal_replay_lsn()
           then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::double precision
            when pg_is_in_recovery() then 0 end,
       r.rolsuper, pg_has_role('pg_read_all_stats', 'usage'),
       case when isfinite(r.rolvaliduntil)
           then (extract(epoch from r.rolvaliduntil - clock_timestamp()) / 86400)::int end,
       current_setting('session_replication_role'),
       to_regclass('pg_catalog.pg_dist_partition') is not null
from pg_roles r
where r.rolname = current_user
