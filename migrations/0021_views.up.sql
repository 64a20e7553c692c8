-- purpose: views for dashboards, BI and alerts: what runs, what ran, what waits, how fast, with how many retries
-- They are made for people and Grafana, hold no secrets and no cell values, and keep their columns: a later version only
-- adds some. docs/monitoring.md describes them. Durations are in seconds (_s) or milliseconds (_ms).

-- What an execution really is. Its row says "running" until it records its end, also after it was killed.
create function evo.execution_state(execution uuid, state text, seen_at timestamptz) returns text
language sql stable
return case
    when state <> 'running' then state
    when seen_at > clock_timestamp() - interval '1 minute' then 'running'
    when evo.is_running(execution) then 'running'
    else 'silent'
end;
comment on function evo.execution_state is
    'running, succeeded, failed, interrupted; silent: its end is not recorded, and for a minute it has not shown that it is alive.';

create view evo.v_runs as
select
    r.execution_id,
    r.command,
    r.entities,
    s.state,
    r.exit_code,
    r.started_at,
    r.finished_at,
    r.seen_at,
    round(extract(epoch from e.ended_at - r.started_at)::numeric, 3)::float8 as elapsed_s,
    r.machine,
    r.container_execution,
    r.process_id,
    r.host,
    r.evo_version,
    coalesce(l.objects, c.objects, 0) as objects_count,
    coalesce(l.lines, c.documents, 0) as rows_count,
    coalesce(l.written, c.written, 0) as written_count,
    coalesce(l.rejected, 0) as rejected_count,
    coalesce(l.bytes, 0) as bytes,
    round(coalesce(l.lines, c.documents) / nullif(extract(epoch from e.ended_at - r.started_at)::numeric, 0), 1)::float8
        as rows_per_s,
    w.retries as retries_count,
    w.waited_s,
    t.commit_p50_ms,
    t.commit_p95_ms,
    t.commit_p99_ms,
    t.connection_p95_ms,
    (r.measures -> 'pool' ->> 'in_use')::integer as connections_in_use,
    (r.measures -> 'pool' ->> 'peak')::integer as connections_peak,
    (r.measures -> 'pool' ->> 'limit')::integer as connections_limit,
    q.downloaded_fill,
    q.decoded_fill,
    regexp_replace(split_part(r.error, e'\n', 1), '^error: ', '') as reason
from evo.runs r
cross join lateral (select evo.execution_state(r.execution_id, r.state, r.seen_at) as state) s
cross join lateral (
    select case s.state when 'running' then clock_timestamp() else coalesce(r.finished_at, r.seen_at) end as ended_at
) e
-- A load's batches are exact, also when it was killed.
left join lateral (
    select
        sum(b.objects_count)::bigint as objects, sum(b.lines_count)::bigint as lines,
        sum(b.inserted_count + b.updated_count)::bigint as written, sum(b.rejected_count)::bigint as rejected,
        sum(b.bytes)::bigint as bytes
    from evo.batches b
    where b.execution_id = r.execution_id and b.state = 'committed'
) l on r.command in ('load', 'rejects replay')
cross join lateral (
    select
        sum((x ->> 'objects')::bigint)::bigint as objects, sum((x ->> 'documents')::bigint)::bigint as documents,
        sum(coalesce((x ->> 'inserted')::bigint, 0) + coalesce((x ->> 'updated')::bigint, 0)
            + coalesce((x ->> 'deleted')::bigint, 0))::bigint as written
    from jsonb_array_elements(r.measures -> 'counts') x
) c
cross join lateral (
    select
        coalesce(sum((x ->> 'count')::bigint), 0)::bigint as retries,
        coalesce(sum((x ->> 'waited_ms')::float8), 0) / 1000 as waited_s
    from jsonb_array_elements(r.measures -> 'retries') x
) w
cross join lateral (
    select
        max((x ->> 'p50_ms')::float8) filter (where x ->> 'timing' = 'commit_reply') as commit_p50_ms,
        max((x ->> 'p95_ms')::float8) filter (where x ->> 'timing' = 'commit_reply') as commit_p95_ms,
        max((x ->> 'p99_ms')::float8) filter (where x ->> 'timing' = 'commit_reply') as commit_p99_ms,
        max((x ->> 'p95_ms')::float8) filter (where x ->> 'timing' = 'connection') as connection_p95_ms
    from jsonb_array_elements(r.measures -> 'timings') x
) t
cross join lateral (
    select
        max((x ->> 'mean_fill')::float8) filter (where x ->> 'backlog' = 'downloaded') as downloaded_fill,
        max((x ->> 'mean_fill')::float8) filter (where x ->> 'backlog' = 'decoded') as decoded_fill
    from jsonb_array_elements(r.measures -> 'backlogs') x
) q;
comment on view evo.v_runs is 'One row per execution of a command: where, how long, how much, how fast, with how many retries, and how it ended.';
comment on column evo.v_runs.rows_count is 'Lines of a load, documents of a transform.';
comment on column evo.v_runs.written_count is 'Rows inserted, updated or deleted.';
comment on column evo.v_runs.downloaded_fill is 'Average share, 0 to 1, of the room for downloaded bytes that was taken: near 0, the lake is the limit.';
comment on column evo.v_runs.decoded_fill is 'Average share, 0 to 1, of the room for decoded rows that was taken: near 1, the server is the limit.';

create view evo.v_run_entities as
with counted as (
    select
        r.execution_id, r.command, r.started_at, x ->> 'entity' as entity,
        coalesce((x ->> 'objects')::bigint, 0) as objects_count,
        coalesce((x ->> 'lines')::bigint, (x ->> 'documents')::bigint, 0) as rows_count,
        coalesce((x ->> 'inserted')::bigint, 0) as inserted_count,
        coalesce((x ->> 'updated')::bigint, 0) as updated_count,
        coalesce((x ->> 'unchanged')::bigint, 0) as unchanged_count,
        coalesce((x ->> 'superseded')::bigint, 0) as superseded_count,
        coalesce((x ->> 'deleted')::bigint, 0) as deleted_count,
        coalesce((x ->> 'rejected')::bigint, 0) as rejected_count,
        coalesce((x ->> 'issues')::bigint, 0) as issues_count,
        coalesce((x ->> 'bytes')::bigint, 0) as bytes
    from evo.runs r
    cross join lateral jsonb_array_elements(r.measures -> 'counts') x
    where r.command not in ('load', 'rejects replay')
),
loaded as (
    select
        b.execution_id, r.command, r.started_at, b.entity,
        sum(b.objects_count)::bigint, sum(b.lines_count)::bigint, sum(b.inserted_count)::bigint,
        sum(b.updated_count)::bigint, sum(b.unchanged_count)::bigint, sum(b.superseded_count)::bigint, 0::bigint,
        sum(b.rejected_count)::bigint, 0::bigint, sum(b.bytes)::bigint
    from evo.batches b
    join evo.runs r on r.execution_id = b.execution_id
    where b.state = 'committed'
    group by b.execution_id, r.command, r.started_at, b.entity
)
select * from counted
union all
select * from loaded;
comment on view evo.v_run_entities is 'What each execution did to each entity.';

create view evo.v_run_timings as
select
    r.execution_id, r.command, r.started_at,
    x ->> 'entity' as entity,
    x ->> 'timing' as timing,
    (x ->> 'count')::bigint as times_count,
    (x ->> 'sum_ms')::float8 as sum_ms,
    (x ->> 'p50_ms')::float8 as p50_ms,
    (x ->> 'p95_ms')::float8 as p95_ms,
    (x ->> 'p99_ms')::float8 as p99_ms,
    (x ->> 'max_ms')::float8 as max_ms
from evo.runs r
cross join lateral jsonb_array_elements(r.measures -> 'timings') x;
comment on view evo.v_run_timings is
    'How long batches, their phases, chunks, commits and waits of each execution took. Without an entity: of the whole process.';

create view evo.v_run_retries as
select
    r.execution_id, r.command, r.started_at,
    x ->> 'kind' as kind,
    (x ->> 'count')::bigint as retries_count,
    (x ->> 'waited_ms')::float8 / 1000 as waited_s
from evo.runs r
cross join lateral jsonb_array_elements(r.measures -> 'retries') x;
comment on view evo.v_run_retries is 'What each execution repeated, by the kind of the error.';

create view evo.v_progress as
select
    r.execution_id, r.command, r.machine, r.container_execution, r.seen_at,
    x ->> 'phase' as phase,
    (x ->> 'done')::bigint as done,
    nullif((x ->> 'total')::bigint, 0) as total,
    x ->> 'unit' as unit,
    (x ->> 'elapsed_ms')::float8 / 1000 as elapsed_s,
    (x ->> 'left_ms')::float8 / 1000 as left_s
from evo.runs r
cross join lateral jsonb_array_elements(r.measures -> 'running') x
where r.state = 'running' and evo.execution_state(r.execution_id, r.state, r.seen_at) = 'running';
comment on view evo.v_progress is 'How far each phase of a running execution was when it last showed that it was alive.';

create view evo.v_load_minutes as
select
    date_trunc('minute', b.committed_at) as minute,
    b.entity,
    count(*) as batches_count,
    sum(b.objects_count)::bigint as objects_count,
    sum(b.lines_count)::bigint as lines_count,
    sum(b.inserted_count)::bigint as inserted_count,
    sum(b.updated_count)::bigint as updated_count,
    sum(b.unchanged_count)::bigint as unchanged_count,
    sum(b.superseded_count)::bigint as superseded_count,
    sum(b.rejected_count)::bigint as rejected_count,
    sum(b.bytes)::bigint as bytes
from evo.batches b
where b.state = 'committed'
group by 1, 2;
comment on view evo.v_load_minutes is 'What was loaded in each minute, by entity.';

create view evo.v_entities as
with recursive names as (
    (select b.entity from evo.batches b order by b.entity limit 1)
    union all
    select (select b.entity from evo.batches b where b.entity > n.entity order by b.entity limit 1)
    from names n
    where n.entity is not null
)
select
    n.entity,
    p.objects as objects_pending,
    p.bytes as bytes_pending,
    d.batches as batches_to_transform,
    d.documents as documents_to_transform,
    h.batches as hour_batches,
    h.lines as hour_lines,
    h.bytes as hour_bytes,
    h.rejected as hour_rejected,
    round((h.lines / nullif(h.busy_s, 0))::numeric, 1)::float8 as hour_lines_per_s,
    round((l.lines / nullif(l.busy_s, 0))::numeric, 1)::float8 as load_lines_per_s,
    round((l.bytes / nullif(l.busy_s, 0))::numeric, 1)::float8 as load_bytes_per_s,
    round((p.bytes * l.busy_s / nullif(l.bytes, 0))::numeric, 1)::float8 as load_left_s,
    round(t.per_s::numeric, 1)::float8 as transform_documents_per_s,
    round((d.documents / nullif(t.per_s, 0))::numeric, 1)::float8 as transform_left_s
from names n
cross join lateral (
    select count(*) as objects, coalesce(sum(o.size_bytes), 0)::bigint as bytes
    from evo.objects o
    where o.entity = n.entity and o.state = 'pending'
) p
cross join lateral (
    select count(*) as batches, coalesce(sum(b.inserted_count + b.updated_count), 0)::bigint as documents
    from evo.batches b
    where b.entity = n.entity and b.state = 'committed'
      and not exists (select from evo.model_batches m where m.entity = b.entity and m.batch_id = b.batch_id)
) d
-- While something was loading: overlapping batches count their time once.
cross join lateral (
    select
        count(*) as batches,
        coalesce(sum(b.lines_count), 0)::bigint as lines,
        coalesce(sum(b.bytes), 0)::bigint as bytes,
        coalesce(sum(b.rejected_count), 0)::bigint as rejected,
        coalesce(sum(b.busy_s), 0)::float8 as busy_s
    from (
        select c.lines_count, c.bytes, c.rejected_count,
               extract(epoch from greatest(c.committed_at - greatest(c.started_at,
                   max(c.committed_at) over (order by c.started_at rows between unbounded preceding and 1 preceding)), interval '0'))
                   as busy_s
        from evo.batches c
        where c.entity = n.entity and c.state = 'committed' and c.committed_at > now() - interval '1 hour'
    ) b
) h
-- The latest batches, whenever they were: what the estimate is made from.
cross join lateral (
    select sum(b.lines_count)::float8 as lines, sum(b.bytes)::float8 as bytes, sum(b.busy_s)::float8 as busy_s
    from (
        select c.lines_count, c.bytes,
               extract(epoch from greatest(c.committed_at - greatest(c.started_at,
                   max(c.committed_at) over (order by c.started_at rows between unbounded preceding and 1 preceding)), interval '0'))
                   as busy_s
        from (
            select b.started_at, b.committed_at, b.lines_count, b.bytes
            from evo.batches b
            where b.entity = n.entity and b.state = 'committed'
            order by b.batch_id desc
            limit 200
        ) c
    ) b
) l
cross join lateral (
    select sum((x -> 'tables' -> 0 ->> 'rows')::float8) / nullif(sum((x ->> 'elapsed_ms')::float8), 0) * 1000 as per_s
    from (
        select r.summary
        from evo.runs r
        where r.command = 'transform' and r.entities @> array[n.entity] and r.summary is not null
        order by r.started_at desc
        limit 20
    ) latest
    cross join lateral jsonb_array_elements(latest.summary -> 'entities') x
    where x ->> 'entity' = n.entity and (x -> 'tables' -> 0 ->> 'rows')::bigint > 0
) t
where n.entity is not null;
comment on view evo.v_entities is
    'What waits of each entity that was ever planned, how long that takes at the speed of the latest work, and what the last hour brought.';
comment on column evo.v_entities.hour_lines_per_s is 'Lines of the last hour by the time in which anything of the entity was loading.';
comment on column evo.v_entities.load_left_s is 'Estimate for the pending objects, by the speed of the latest 200 batches; null without any.';
comment on column evo.v_entities.transform_left_s is 'Estimate for the documents to transform, by the speed of the latest transforms; null without any.';
