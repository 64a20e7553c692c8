-- purpose: list the transactions of this database that are prepared on a node and not yet committed there
-- parameters: $1 those of interest text[], or null for all
-- rows: the node, whether it answered, names of its transactions text[], or what kept it from answering
-- locks: none
-- idempotent: reads only
-- Only for a database that has Citus. A prepared transaction leaves pg_prepared_xacts after its rows can be seen.
select n.nodename || ':' || n.nodeport, r.success,
       case when r.success then array(
           select gid from unnest(string_to_array(r.result, ' ')) gid where $1::text[] is null or gid = any($1)
       ) else array[r.result] end
from run_command_on_all_nodes($command$
    select coalesce(string_agg(gid, ' '), '') from pg_catalog.pg_prepared_xacts
    where database = pg_catalog.current_database() and gid like 'citus\_%'
$command$) r
left join pg_dist_node n on n.nodeid = r.nodeid
