-- purpose: run batches of an entity one at a time if their verdicts depend on each other, from the verdicts
--          to the commit
-- parameters: $1 entity text
-- placeholders: {shared} _shared for batches that only find rows unchanged, nothing for those that change
--               rows
-- rows: one
-- locks: an advisory lock until the end of the transaction, or until a rollback to a savepoint before it;
--        taken before any row is written, so that it cannot deadlock
-- idempotent: the lock is taken again and counted
select pg_advisory_xact_lock{shared}(hashtextextended('evo:merge:' || $1, 0))
