-- purpose: find batches that no execution works on although they are claimed, or that have failed again and again
-- parameters: $1 attempts from which a batch counts as failing int
-- rows: entity; batches whose claim is over and whose execution has ended; hours since the oldest of these began;
--       batches with this many attempts or more
-- locks: none
-- idempotent: reads only
with stuck as (
    select b.entity, b.started_at, b.attempt, b.execution_id,
           b.state = 'claimed' and b.lease_until < clock_timestamp() and not evo.is_running(b.execution_id) as is_orphan
    from evo.batches b
    where b.state <> 'committed'
)
select s.entity, count(*) filter (where s.is_orphan),
       coalesce(extract(epoch from clock_timestamp() - min(s.started_at) filter (where s.is_orphan)) / 3600, 0)::bigint,
       count(*) filter (where s.attempt >= $1)
from stuck s
where s.is_orphan or s.attempt >= $1
group by s.entity
order by s.entity
