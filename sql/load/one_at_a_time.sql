-- purpose: let batches of an entity whose verdicts depend on each other go one at a time until they have committed
-- parameters: $1 entity text
-- locks: an advisory lock until the end of the transaction; taken before any row is written, so nobody waits in a circle
select pg_advisory_xact_lock(hashtextextended('evo:merge:' || $1, 0))
