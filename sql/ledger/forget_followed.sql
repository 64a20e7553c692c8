-- purpose: forget against which run the rows of an entity were compared
-- parameters: $1 entity text
-- rows: none
-- locks: the rows that it deletes, until commit
-- idempotent: what is forgotten is not there any more
with batch as (delete from evo.followed_batches where entity = $1)
delete from evo.followed_runs where entity = $1
