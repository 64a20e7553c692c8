-- purpose: read what a table can be distributed over
-- rows: one: is this the coordinator boolean, servers that hold shards int
-- locks: none
-- idempotent: reads only
-- Only for a database that has Citus.
select citus_is_coordinator(), (select count(*)::int from pg_dist_node where noderole = 'primary' and isactive and shouldhaveshards)
