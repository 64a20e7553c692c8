-- purpose: list the offsets of a time zone over some years, so that evo makes instants of local times as the
--          server would
-- parameters: $1 zone text, $2 first day date, $3 last day date
-- rows: local time from which an offset holds, in microseconds since 2000-01-01 bigint; what is added to a
--       local time to get UTC, in microseconds bigint; ascending
-- locks: none
-- idempotent: reads only
-- Where the offset differs from one midnight to the next, the time between is halved until the step is found.
-- A zone that changed its offset and changed it back within a day would deceive this; none ever did.
with recursive sample as materialized (
    select
        d.local_time,
        ((extract(epoch from d.midnight at time zone $1) - extract(epoch from d.midnight)) * 1000000)::bigint as ahead
    from (
        select day as midnight, (extract(epoch from day) * 1000000)::bigint - 946684800000000 as local_time
        from generate_series($2::timestamp, $3::timestamp, interval '1 day') as day
    ) d
),
step (low, high, low_ahead, high_ahead) as (
    select p.low, p.high, p.low_ahead, p.high_ahead
    from (
        select
            local_time as low, lead(local_time) over in_order as high,
            ahead as low_ahead, lead(ahead) over in_order as high_ahead
        from sample
        window in_order as (order by local_time)
    ) p
    where p.low_ahead <> p.high_ahead
    union all
    select h.low, h.high, h.low_ahead, h.high_ahead
    from step s
    cross join lateral (select s.low + (s.high - s.low) / 2 as local_time) m
    cross join lateral (
        select timestamp '2000-01-01' + m.local_time * interval '1 microsecond' as middle
    ) t
    cross join lateral (
        select ((extract(epoch from t.middle at time zone $1) - extract(epoch from t.middle)) * 1000000)::bigint
            as ahead
    ) o
    cross join lateral (
        values (s.low, m.local_time, s.low_ahead, o.ahead), (m.local_time, s.high, o.ahead, s.high_ahead)
    ) h (low, high, low_ahead, high_ahead)
    where s.high - s.low > 1 and h.low_ahead <> h.high_ahead
)
(select local_time, ahead from sample order by local_time limit 1)
union all
select high, high_ahead from step where high - low = 1
order by 1
