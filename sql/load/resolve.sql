-- purpose: rejects of an earlier load of the same objects, or of older versions of them, that pass now are resolved
-- parameters: $1 entity text, $2 paths text[], $3 batch id bigint
update evo.rejects r set resolved_at = clock_timestamp()
where r.resolved_at is null and r.batch_id <> $3
  and r.object_id in (select o.object_id from evo.objects o where o.entity = $1 and o.path = any($2))
