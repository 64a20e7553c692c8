-- purpose: after staging was found to hold exactly what the lake gives, settle the difference between its
--          rows and the counts of the batches: rows that somebody deleted and that were loaded a second time
-- parameters: $1 entity text, $2 execution id uuid
-- placeholders: {staging} the staging table
-- rows: none; the command tag is 1 if there was a difference
-- locks: the row that it writes, until commit
-- idempotent: where there is no difference nothing is written
-- One statement and so one snapshot: a batch commits its rows and its counts together.
insert into evo.recounts (entity, rows_count, execution_id)
select $1, c.rows - c.counted, $2
from (
    select
        (select count(*) from {staging}) as rows,
        (select coalesce(sum(b.inserted_count), 0)::bigint from evo.batches b where b.entity = $1 and b.state = 'committed')
        + (select coalesce(sum(r.rows_count), 0)::bigint from evo.recounts r where r.entity = $1) as counted
) c
where c.rows <> c.counted
