-- Functions and tables of Citus as far as evo uses them, for a server without it: every table is one shard, which is
-- the table itself, on the one server that there is. What Citus refuses is not refused here.
set allow_system_table_mods = on;

create table pg_catalog.pg_dist_partition (logicalrelid regclass primary key, partmethod "char", partkey text);
create table pg_catalog.pg_dist_node (
    nodeid int, groupid int, nodename text, nodeport int, noderole text, isactive boolean, shouldhaveshards boolean);
insert into pg_catalog.pg_dist_node values (1, 0, 'localhost', 5432, 'primary', true, true);

-- A partition is distributed as its table is.
create view pg_catalog.pg_dist_shard as
with recursive part as (
    select logicalrelid::oid as relation from pg_catalog.pg_dist_partition
    union
    select i.inhrelid from part join pg_catalog.pg_inherits i on i.inhparent = part.relation
)
select relation::regclass as logicalrelid, relation::bigint as shardid, '0'::text as shardminvalue from part;
create view pg_catalog.pg_dist_placement as select shardid, 1 as shardstate, 0 as groupid from pg_catalog.pg_dist_shard;

create table pg_catalog.pg_dist_object (classid oid, objid oid);

create function pg_catalog.column_to_column_name(regclass, text) returns text language sql immutable return $2;
create function pg_catalog.shard_name(regclass, bigint) returns text language sql stable return $1::text;
create function pg_catalog.citus_is_coordinator() returns boolean language sql stable return true;

create function pg_catalog.create_distributed_table(
    name regclass, key text, distribution_type text default 'hash', colocate_with text default 'default', shard_count int default null)
returns void language sql as $$
    insert into pg_catalog.pg_dist_partition values (name, 'h', key) on conflict (logicalrelid) do nothing;
$$;
create function pg_catalog.create_reference_table(name regclass) returns void language sql as $$
    insert into pg_catalog.pg_dist_partition values (name, 'n', null) on conflict (logicalrelid) do nothing;
$$;
create function pg_catalog.truncate_local_data_after_distributing_table(regclass) returns void language sql as 'select';
create function pg_catalog.create_distributed_function(regprocedure) returns void language sql as 'select';

create function pg_catalog.master_run_on_worker(
    nodes text[], ports int[], commands text[], parallel boolean,
    out node_name text, out node_port int, out success boolean, out result text)
returns setof record language plpgsql as $$
begin
    for i in 1 .. cardinality(commands) loop
        node_name := nodes[i];
        node_port := ports[i];
        begin
            -- Sessions on other servers have the settings of the role, not those of the session that asks.
            if commands[i] like '%pg_settings%' then
                select json_object_agg(lower(g.name), coalesce(split_part(c, '=', 2), g.boot_val)) into result
                from pg_catalog.pg_settings g
                left join pg_catalog.pg_db_role_setting s
                    on s.setrole = current_user::regrole and s.setdatabase = (select oid from pg_database where datname = current_database())
                left join lateral unnest(s.setconfig) c on lower(split_part(c, '=', 1)) = lower(g.name);
            else
                execute commands[i] into result;
            end if;
            success := true;
        exception when others then
            success := false;
            result := 'ERROR:  ' || sqlerrm;
        end;
        return next;
    end loop;
end $$;
create function pg_catalog.run_command_on_all_nodes(
    command text, parallel boolean default true, out nodeid int, out success boolean, out result text)
returns setof record language sql as $$
    select 1, r.success, r.result from master_run_on_worker(array['localhost'], array[5432], array[command], parallel) r;
$$;
