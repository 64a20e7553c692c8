-- purpose: read what was loaded on each day, and how long its batches took
-- parameters: $1 at most how many days, back from the newest one bigint
-- rows: entity, day (UTC), batches, lines, inserted, updated, unchanged, superseded, rejected, compressed bytes,
--       seconds in which something was loading, half, 95 % and 99 % of the batches took no longer (milliseconds),
--       hours since the last batch of an earlier day (null: there was none)
-- locks: none
-- idempotent: reads only
-- The days count back from the newest batch and not from today, so the same ledger gives the same rows tomorrow.
with batch as (
    select b.*, (b.committed_at at time zone 'UTC')::date as day,
        extract(epoch from greatest(b.committed_at - greatest(b.started_at, max(b.committed_at) over (
            partition by b.entity order by b.started_at, b.batch_id rows between unbounded preceding and 1 preceding)),
            interval '0')) as busy_s
    from evo.batches b
    where b.state = 'committed'
      and b.committed_at > (select max(committed_at) from evo.batches) - make_interval(days => $1::int)
),
day as (
    select
        entity, day, count(*) as batches, sum(lines_count)::bigint as lines, sum(inserted_count)::bigint as inserted,
        sum(updated_count)::bigint as updated, sum(unchanged_count)::bigint as unchanged,
        sum(superseded_count)::bigint as superseded, sum(rejected_count)::bigint as rejected, sum(bytes)::bigint as bytes,
        sum(busy_s)::float8 as busy_s,
        percentile_cont(array[0.5, 0.95, 0.99]) within group (
            order by extract(epoch from committed_at - started_at)::float8 * 1000) as taken_ms,
        min(committed_at) as first_at, max(committed_at) as last_at
    from batch
    group by entity, day
)
select
    entity, to_char(day, 'YYYY-MM-DD'), batches, lines, inserted, updated, unchanged, superseded, rejected, bytes,
    round(busy_s::numeric, 3)::float8, taken_ms[1], taken_ms[2], taken_ms[3],
    round((extract(epoch from first_at - lag(last_at) over (partition by entity order by day)) / 3600)::numeric, 2)::float8
from day
order by entity collate "C", day
