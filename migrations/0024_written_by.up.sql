-- purpose: remember which transaction wrote the rows of a batch, so that a verification still knows when the batch's objects
--          were loaded again
-- locks: evo.batches, ACCESS EXCLUSIVE for a moment; no rewrite
alter table evo.batches add column written_by xid;
comment on column evo.batches.written_by is
    'The transaction that wrote the rows of the batch, as the rows show it (xmin). Null: not known.';

-- A batch marks its objects as loaded in that transaction. A number that several batches share is not that of a batch:
-- somebody restored or rewrote the ledger. Nor is the only one that there is.
with loaded as materialized (
    select o.xmin as transaction, min(o.batch_id) as batch_id
    from evo.objects o
    where o.state = 'loaded'
    group by o.xmin
    having min(o.batch_id) = max(o.batch_id)
),
certain as materialized (
    select batch_id, min(transaction::text) as transaction from loaded group by batch_id having count(*) = 1
)
update evo.batches b
set written_by = c.transaction::xid
from certain c
where b.batch_id = c.batch_id and b.state = 'committed' and (select count(*) from loaded) > 1;
