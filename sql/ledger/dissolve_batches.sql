-- purpose: take planned batches apart that nobody has claimed, so that their objects are grouped anew
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null
-- locks: the batches' rows; one that is being claimed at this moment is passed over
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
