-- purpose: run a query on every server of the cluster
-- parameters: $1 query, of one row with one value text
-- rows: server, whether it answered, its answer or what kept it from answering, is it the coordinator
-- locks: those of the query
-- idempotent: as the query
-- Only for a database that has Citus. The servers run it in sessions of their own, with their own settings.
select coalesce(n.nodename || ':' || n.nodeport, 'the coordinator'), r.success, r.result,
       coalesce(n.groupid = 0, true)
from run_command_on_all_nodes($1) r
left join pg_dist_node n on n.nodeid = r.nodeid
