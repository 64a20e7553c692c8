-- purpose: list the batches of one execution, the latest first
-- parameters: $1 execution id uuid, $2 at most how many bigint
-- rows: a batch as jsonb: its run, objects and lines, and how long its phases took
-- locks: none
-- idempotent: reads only
select jsonb_build_object(
    'batch_id', b.batch_id, 'entity', b.entity, 'run_id', b.run_id, 'state', b.state, 'attempt', b.attempt,
    'objects', b.objects_count, 'lines', b.lines_count, 'inserted', b.inserted_count, 'updated', b.updated_count,
    'unchanged', b.unchanged_count, 'superseded', b.superseded_count, 'rejected', b.rejected_count, 'bytes', b.bytes,
    'started_at', b.started_at, 'committed_at', b.committed_at,
    'elapsed_s', round(extract(epoch from b.committed_at - b.started_at)::numeric, 3), 'timings', b.timings)
from evo.batches b
where b.execution_id = $1
order by coalesce(b.committed_at, b.started_at) desc, b.batch_id desc
limit $2
