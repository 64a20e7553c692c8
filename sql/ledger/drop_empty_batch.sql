-- purpose: forget a claimed batch that has no objects left
-- parameters: $1 batch id bigint, $2 fence int
delete from evo.batches b
where b.batch_id = $1 and b.fence = $2 and b.state = 'claimed'
  and not exists (select from evo.objects o where o.batch_id = b.batch_id)
