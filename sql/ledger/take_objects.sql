-- purpose: tie objects to the batch that loads them, in the batch's transaction
-- parameters: $1 batch id bigint, $2 object ids bigint[]
-- locks: the objects' rows until the end of the transaction; a rival for the same objects waits here and then gets none
update evo.objects set batch_id = $1, state = 'loaded', loaded_at = clock_timestamp()
where object_id = any($2) and state = 'pending'
