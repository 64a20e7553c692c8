-- purpose: list the transactions of this database that are prepared on a node and not yet committed there
-- parameters: $1 those of interest text[], or null for all
-- rows: the node, null for this one; whether it answered; names of its transactions text[], or what kept it from
--       answering
-- locks: none
-- idempotent: reads only
-- Only for a database that has Citus. A prepared transaction leaves pg_prepared_xacts after its rows can be seen.
-- A question to another server is a new session there; to this one it would be one, too.
with question as (
    select $command$
        select coalesce(string_agg(gid, ' '), '') from pg_catalog.pg_prepared_xacts
        where database = pg_catalog.current_database() and gid like 'citus\_%'
    $command$ as text
), server as (
    select array_agg(nodename) as names, array_agg(nodeport) as ports, array_agg(q.text) as questions
    from pg_dist_node
    cross join question q
    where groupid <> 0 and noderole = 'primary' and isactive
    having count(*) > 0
)
select null, true, array(
    select gid::text from pg_prepared_xacts
    where database = current_database() and gid like 'citus\_%' and ($1::text[] is null or gid = any($1))
)
union all
select r.node_name || ':' || r.node_port, r.success,
       case when r.success then array(
           select gid from unnest(string_to_array(r.result, ' ')) gid where $1::text[] is null or gid = any($1)
       ) else array[r.result] end
from server
cross join lateral master_run_on_worker(server.names, server.ports, server.questions, true) r
