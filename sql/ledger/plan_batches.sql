-- purpose: group the objects that wait and are in no batch yet into batches, in path order, never across runs
-- parameters: $1 entity text, $2 run id text or null, $3 since date or null, $4 objects per batch bigint or null,
--             $5 runs left alone text[], $6 only objects with open rejects boolean
-- rows: none; the command tag counts the objects
-- locks: the objects' rows; the caller holds the entity's planning lock, so that nobody plans the same objects
-- Without $4 a batch holds ten objects, or up to 500 small ones (4 MiB together), or fewer large ones (256 MiB together):
-- every object weighs a share of a batch, and a batch is full where the sum of the weights passes a whole number.
with waiting as (
    select
        object_id, run_id, path, size_bytes,
        greatest(size_bytes / 268435456.0, least(0.1, greatest(0.002, size_bytes / 4194304.0))) as weight
    from evo.objects
    where entity = $1 and state = 'pending' and batch_id is null
      and ($2::text is null or run_id = $2)
      and ($3::date is null or ingestion_date >= $3)
      and run_id <> all ($5::text[])
      and (not $6 or exists (select from evo.rejects r where r.object_id = objects.object_id and r.resolved_at is null))
),
grouped as materialized (
    select
        object_id, run_id, path, size_bytes,
        case
            when $4::bigint is null then floor(coalesce(sum(weight) over (in_order rows between unbounded preceding and 1 preceding), 0))::bigint
            else (row_number() over in_order - 1) / $4
        end as group_no
    from waiting
    window in_order as (partition by run_id order by path collate "C", object_id)
),
batch as materialized (
    select
        run_id, group_no, gen_random_uuid() as token,
        min(path collate "C") as first_path, max(path collate "C") as last_path, count(*) as objects_count, sum(size_bytes) as bytes
    from grouped
    group by run_id, group_no
),
planned as (
    insert into evo.batches (token, entity, run_id, first_path, last_path, objects_count, attempt, state, bytes)
    select token, $1, run_id, first_path, last_path, objects_count, 0, 'planned', bytes
    from batch
    order by run_id collate "C", first_path collate "C"
    returning batch_id, token
)
update evo.objects o
set batch_id = p.batch_id
from grouped g
join batch b on b.run_id = g.run_id and b.group_no = g.group_no
join planned p on p.token = b.token
where o.object_id = g.object_id
