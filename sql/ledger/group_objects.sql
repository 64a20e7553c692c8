-- purpose: group the pending objects that are in no batch yet into batches, in path order, never across dates
--          or runs
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $5 objects per
--             batch bigint or null, $6 runs that are left alone text[], $7 only objects with open rejects
--             boolean, $8 workers int, $9 cost of an object besides its bytes, in milliseconds, while nothing
--             is measured, double precision
-- placeholders: {objects} evo.objects, its rows that a load names, as a subquery over $10 bigint[], or the text of
--               preview_objects.sql
-- rows: none; common table expressions that other statements contain: grouped, the objects with their group,
--       and batch, the groups
-- locks: none
-- idempotent: reads only
-- Without $5 a batch holds ten objects, or up to 500 small ones (4 MiB together), or fewer large ones (256
-- MiB together), but no more than two seconds' work, which is what a process that dies leaves to be done
-- again: each object weighs a share of a batch, and a batch is full where the sum of the weights passes a whole
-- number. So that all workers are busy until the end, a run has as many batches as make whole rounds of them,
-- as long as each is worth a transaction (a fifth of a second).
-- The cost of an object is estimated from its size and from the latest batches: how long they waited for the
-- lake per object, and how long they worked per byte, apart from 20 ms for the transaction (6 MB/s while hardly
-- anything is measured). While only one run is measured, the next one is expected to work three times as fast: it
-- mostly brings documents that are known by then. Where it does not, the load shortens its batches.
measured as (
    select
        greatest(
            2, least(2000, coalesce((sum(lake_ms) - sum(bytes) / 10000.0) / nullif(sum(objects_count), 0), $9::numeric))
        ) as object_ms,
        case
            when sum(bytes) >= 1048576
            then greatest(0.00001, least(0.002, sum(greatest(work_ms - 20, 0)) / sum(bytes)))
            else 1 / 6000.0
        end as byte_ms,
        case when min(run_id) = max(run_id) then min(run_id) end as only_run
    from (
        select
            (timings ->> 'lake_ms')::numeric as lake_ms,
            (timings ->> 'decode_ms')::numeric + (timings ->> 'copy_ms')::numeric + (timings ->> 'merge_ms')::numeric
                + (timings ->> 'commit_ms')::numeric as work_ms,
            bytes, objects_count, run_id
        from evo.batches
        where entity = $1 and lake_id = $2 and state = 'committed'
        order by batch_id desc
        limit 32
    ) latest
),
waiting as (
    select
        o.object_id, o.run_id, o.ingestion_date, o.path, o.size_bytes, c.cost_ms,
        greatest(
            o.size_bytes / 268435456.0, least(0.1, greatest(0.002, o.size_bytes / 4194304.0)),
            least(1, c.cost_ms / 2000)
        ) as weight
    from {objects} o
    cross join measured m
    cross join lateral (
        select m.object_ms + o.size_bytes * m.byte_ms / case when o.run_id <> m.only_run then 3 else 1 end as cost_ms
    ) c
    where o.entity = $1 and o.lake_id = $2 and o.state = 'pending' and o.batch_id is null
      and ($3::text is null or o.run_id = $3)
      and ($4::date is null or o.ingestion_date >= $4)
      and o.run_id <> all ($6::text[])
      and (not $7 or exists (select from evo.rejects r where r.object_id = o.object_id and r.resolved_at is null))
),
-- By how much the weights grow to make whole rounds.
stretched as (
    select
        run_id, ingestion_date,
        greatest(
            ceil(sum(weight)),
            least(
                ceil(ceil(sum(weight)) / greatest($8::integer, 1)) * greatest($8::integer, 1),
                floor(sum(cost_ms) / 200), count(*)
            )
        ) / sum(weight) as factor
    from waiting
    group by run_id, ingestion_date
),
grouped as materialized (
    select
        w.object_id, w.run_id, w.ingestion_date, w.path, w.size_bytes,
        case
            when $5::bigint is null
            then floor(round(coalesce(
                sum(w.weight * s.factor) over (in_order rows between unbounded preceding and 1 preceding), 0
            ), 6))::bigint
            else (row_number() over in_order - 1) / $5
        end as group_no
    from waiting w
    join stretched s on s.run_id = w.run_id and s.ingestion_date is not distinct from w.ingestion_date
    window in_order as (partition by w.run_id, w.ingestion_date order by w.path collate "C", w.object_id)
),
batch as materialized (
    select
        run_id, ingestion_date, group_no, gen_random_uuid() as token,
        min(path collate "C") as first_path, max(path collate "C") as last_path, count(*) as objects_count,
        sum(size_bytes) as bytes
    from grouped
    group by run_id, ingestion_date, group_no
)
