-- purpose: delete a claimed batch that has no objects left
-- parameters: $1 batch id bigint, $2 fencing token int
-- rows: none
-- locks: the batch's row, until commit
-- idempotent: a batch that is deleted already is not found
delete from evo.batches b
where b.batch_id = $1 and b.fence = $2 and b.state = 'claimed'
  and not exists (select from evo.objects o where o.batch_id = b.batch_id)
