-- purpose: reserve slots for requests with a credential, which all processes share
-- parameters: $1 credential text, $2 slots int, $3 pauses between two requests in microseconds
--             bigint[], $4 first minute of the day of each int[], $5 first minute that is not in it int[], $6 zone text
-- rows: one: milliseconds until the first slot, milliseconds from each to the next
-- locks: the credential's row, for a moment
-- idempotent: no; slots of an answer that was lost stay unused
update evo.pace p
set slot_at = greatest(p.next_at, p.paused_until, clock_timestamp()),
    next_at = greatest(p.next_at, p.paused_until, clock_timestamp()) + now_valid.pause * $2 * p.slowdown,
    slowdown = greatest(1, p.slowdown * power(0.97, $2)),
    requests_count = p.requests_count + $2
from (
    select coalesce(max(l.pause), 0) * interval '1 microsecond' as pause
    from unnest($3::bigint[], $4::int[], $5::int[]) as l (pause, from_minute, until_minute)
    cross join (select clock_timestamp() at time zone $6 as local) c
    where extract(hour from c.local) * 60 + extract(minute from c.local) >= l.from_minute
      and extract(hour from c.local) * 60 + extract(minute from c.local) < l.until_minute
) now_valid
where p.credential = $1
returning (extract(epoch from p.slot_at - clock_timestamp()) * 1000)::float8,
    (extract(epoch from p.next_at - p.slot_at) * 1000 / $2)::float8
