-- purpose: find settings of this role's sessions on the servers that differ from what evo relies on
-- rows: server; setting, its value there, the value that evo relies on, the statement that makes it so, and whether
--       models give other values without it. Or server, null, what kept it from answering, and nulls
-- locks: none
-- idempotent: reads only
-- Only for a database that has Citus. What a job sets for its session (session.sql) does not reach the other servers,
-- where models are evaluated: there the role's settings apply. A shard's part of a query is small, so that compiling it
-- (jit) takes longer than running it.
with relied_on (name, setting, is_needed) as (values
    ('datestyle', 'ISO, YMD', true), ('intervalstyle', 'postgres', true), ('timezone', 'UTC', true),
    ('extra_float_digits', '1', true), ('bytea_output', 'hex', true), ('xmlbinary', 'base64', true),
    ('xmloption', 'content', true), ('array_nulls', 'on', true), ('transform_null_equals', 'off', true),
    ('lc_monetary', 'C', true), ('lc_numeric', 'C', true), ('lc_time', 'C', true),
    ('gin_fuzzy_search_limit', '0', true), ('jit', 'off', false)
), answer as (
    select coalesce(n.nodename || ':' || n.nodeport, 'the coordinator') as node, r.success, r.result
    from run_command_on_all_nodes($command$
        select json_object_agg(lower(name), setting) from pg_catalog.pg_settings
    $command$) r
    left join pg_dist_node n on n.nodeid = r.nodeid
    where n.shouldhaveshards or not r.success
)
select node, null::text, left(result, 200), null::text, null::text, true from answer where not success
union all
select a.node, w.name, s.setting, w.setting,
       format('alter role %I in database %I set %s = %s', current_user, current_database(), w.name,
              case w.name when 'datestyle' then w.setting else quote_literal(w.setting) end),
       w.is_needed
from answer a
cross join relied_on w
cross join lateral (select case when a.success then a.result::json ->> w.name end as setting) s
where a.success and lower(s.setting) is distinct from lower(w.setting)
  and not (w.name = 'timezone' and lower(s.setting) in ('utc', 'etc/utc'))
order by 1, 2
