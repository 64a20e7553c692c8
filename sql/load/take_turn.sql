-- purpose: run batches of an entity one at a time if their verdicts depend on each other, from the verdicts
--          to the commit
-- parameters: $1 entity text, $2 lanes int[], $3 whether the batch must be alone there boolean[]; it must where it
--             changes rows
-- rows: one for each lane
-- locks: an advisory lock for each lane until the end of the transaction, or until a rollback to a savepoint
--        before it; taken in the order of the lanes and before any row is written, so that it cannot deadlock
-- idempotent: a lock is taken again and counted
select case
    when s.is_alone then pg_advisory_xact_lock(hashtextextended(format('evo:merge:%s:%s', s.lane, $1), 0))
    else pg_advisory_xact_lock_shared(hashtextextended(format('evo:merge:%s:%s', s.lane, $1), 0))
end
from (
    select w.lane, w.is_alone
    from unnest($2::int[], $3::boolean[]) as w (lane, is_alone)
    order by w.lane
    offset 0
) s
