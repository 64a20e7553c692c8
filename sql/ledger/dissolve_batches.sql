-- purpose: dissolve planned batches that nobody has claimed, so that their objects are grouped again
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null
-- rows: none
-- locks: the rows of the batches and their objects, until commit; a batch that is being claimed at this
--        moment is skipped
-- idempotent: a dissolved batch is not found again
with loose as materialized (
    select batch_id
    from evo.batches
    where entity = $1 and lake_id = $2 and state = 'planned' and ($3::text is null or run_id = $3)
    for update skip locked
),
freed as (
    update evo.objects set batch_id = null
    where batch_id in (select batch_id from loose)
)
delete from evo.batches where batch_id in (select batch_id from loose)
