-- purpose: hold the rows of a staging table, counted by batch, object and writing transaction, against what
--          the ledger has counted
-- parameters: $1 entity text
-- placeholders: {staging} the staging table, {transaction} of its rows: s.xmin, or null::xid where tables do
--               not show it
-- rows: what, batch id, path, rows, what the ledger says. `total`: all rows; `unknown batch`, `unknown
--       object`: rows that name what the ledger does not know; `too many`: more rows of an object than it
--       wrote; `rewritten`: rows of an object that its batch's transaction did not write
-- locks: none
-- idempotent: reads only
-- One statement and so one snapshot: a batch commits its rows and its counts together.
with held as materialized (
    select s._batch_id as batch_id, s._source_file as path, {transaction} as transaction, count(*) as rows
    from {staging} s
    group by 1, 2, 3
),
loaded as materialized (
    select o.xmin as transaction, min(o.batch_id) = max(o.batch_id) as is_of_one_batch
    from evo.objects o
    where o.state = 'loaded'
    group by o.xmin
),
object as materialized (
    select o.batch_id, o.path, o.inserted_count + o.updated_count as written,
           case when l.is_of_one_batch then o.xmin end as transaction
    from evo.objects o
    join loaded l on l.transaction = o.xmin
    where o.entity = $1 and o.state = 'loaded'
)
select 'total', null::bigint, null::text, (select coalesce(sum(rows), 0)::bigint from held),
       (select coalesce(sum(b.inserted_count), 0)::bigint from evo.batches b where b.entity = $1 and b.state = 'committed')
       + (select coalesce(sum(r.rows_count), 0)::bigint from evo.recounts r where r.entity = $1)
union all
select 'unknown batch', h.batch_id, h.path, sum(h.rows)::bigint, 0
from held h
where not exists (select from evo.batches b where b.batch_id = h.batch_id and b.entity = $1 and b.state = 'committed')
group by h.batch_id, h.path
union all
select 'unknown object', h.batch_id, h.path, sum(h.rows)::bigint, 0
from held h
where exists (select from evo.batches b where b.batch_id = h.batch_id and b.entity = $1 and b.state = 'committed')
  and not exists (select from evo.objects o where o.entity = $1 and o.path = h.path)
group by h.batch_id, h.path
union all
select 'too many', h.batch_id, h.path, sum(h.rows)::bigint, max(o.written)
from held h
join object o on o.batch_id = h.batch_id and o.path = h.path
group by h.batch_id, h.path
having sum(h.rows) > max(o.written)
union all
select 'rewritten', h.batch_id, h.path, sum(h.rows)::bigint, 0
from held h
join object o on o.batch_id = h.batch_id and o.path = h.path
where h.transaction <> o.transaction
group by h.batch_id, h.path
