-- purpose: resolve rejects of an earlier load of the same objects, or of older versions of them, that pass
--          now
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 batch id bigint
-- rows: none; the command tag counts the rejects
-- locks: the rejects' rows, until commit
-- idempotent: a resolved reject is not changed again
update evo.rejects r set resolved_at = clock_timestamp()
where r.resolved_at is null and r.batch_id <> $4
  and r.object_id in (select o.object_id from evo.objects o where o.entity = $1 and o.lake_id = $2 and o.path = any($3))
