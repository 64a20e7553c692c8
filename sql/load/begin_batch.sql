-- purpose: begin the transaction of an attempt, and end what is left of an earlier attempt at the batch, in
--          this execution or another
-- parameters: $1 batch id bigint
-- rows: one
-- locks: an advisory lock on the batch, until the end of the transaction
-- idempotent: the lock is taken again and counted
-- An earlier attempt cannot commit, because its fencing token is old, but one that is stalled or cut off
-- would keep its rows locked. Only sessions that this role may end are ended. A session whose role was set
-- later may not be one of them; it is waited for.
-- The workers of a load keep the server busy. Processes that help with a statement are started for each, and
-- took as much CPU as all the rest of a load of known entries into a table of ten million.
with rest as materialized (
    select pg_terminate_backend(pid) as is_ended
    from pg_locks
    where locktype = 'advisory' and granted and objsubid = 1 and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())
      and (classid::bigint << 32 | objid::bigint) = hashtextextended('evo:batch:' || $1, 0)
      and pg_has_role((select usesysid from pg_stat_get_activity(pid)), 'usage')
)
select pg_advisory_xact_lock(hashtextextended('evo:batch:' || $1, 0)),
    set_config('max_parallel_workers_per_gather', '0', true)
from (select count(*) from rest) as ended
