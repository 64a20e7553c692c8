-- purpose: hold the rows of a staging table, counted by batch, object and writing transaction, against what
--          the ledger has counted
-- parameters: $1 entity text, $2 lake id int, $3 rewritten objects that are named bigint
-- placeholders: {written} the rows, counted: written_rows.sql, or the table with what it gave
-- rows: what, batch id, path, rows, what the ledger says. `total`: all rows; `unknown batch`, `unknown
--       object`: rows that name what the ledger does not know; `too many`: more rows of an object than it
--       wrote; `rewritten`: rows that are not known to be as their batch's transaction wrote them, and of how
--       many objects, some of which are `rewritten object`; `unreadable`: such rows of objects that cannot be
--       read again
-- locks: none
-- idempotent: reads only
-- One statement and so one snapshot: a batch commits its rows and its counts together. Of distributed tables the
-- rows are counted before, so that the ledger has counted them by now.
with held as materialized (
{written}
),
object as materialized (
    select o.path, bool_or(o.state = 'loaded' and o.lake_id = $2) as is_loaded
    from evo.objects o
    where o.entity = $1
    group by o.path
),
-- A number that rows of several batches share is not that of a batch: somebody restored or rewrote the rows.
shared as materialized (
    select h.transaction from held h group by h.transaction having min(h.batch_id) < max(h.batch_id)
),
-- Marking a row as missing changes nothing that came with its batch.
marking as materialized (
    select h.transaction
    from held h
    join evo.mark_transactions k on k.entity = $1 and k.transaction = h.transaction::text
    group by h.transaction, k.rows_count
    having sum(h.rows) <= k.rows_count
),
doubtful as materialized (
    select h.path, o.is_loaded, sum(h.rows)::bigint as rows
    from held h
    join evo.batches b on b.batch_id = h.batch_id and b.entity = $1 and b.state = 'committed'
    join object o on o.path = h.path
    where (b.written_by is null or h.transaction is distinct from b.written_by
           or exists (select 1 from shared s where s.transaction = h.transaction))
      and not exists (select 1 from marking m where m.transaction = h.transaction)
    group by h.path, o.is_loaded
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
  and not exists (select 1 from object o where o.path = h.path)
group by h.batch_id, h.path
union all
select 'too many', h.batch_id, h.path, sum(h.rows)::bigint, max(o.inserted_count + o.updated_count)
from held h
join evo.objects o on o.entity = $1 and o.state = 'loaded' and o.batch_id = h.batch_id and o.path = h.path
group by h.batch_id, h.path
having sum(h.rows) > max(o.inserted_count + o.updated_count)
union all
select 'unreadable', null, null, coalesce(sum(d.rows), 0)::bigint, 0 from doubtful d where not d.is_loaded
union all
select 'rewritten', null, null, coalesce(sum(d.rows), 0)::bigint, count(*) from doubtful d where d.is_loaded
union all
(select 'rewritten object', null, d.path, d.rows, 0 from doubtful d where d.is_loaded order by d.path limit $3)
