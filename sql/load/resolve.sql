-- purpose: rejects of an earlier load of the same objects that pass now are resolved
-- parameters: $1 object ids bigint[], $2 batch id bigint
update evo.rejects set resolved_at = clock_timestamp()
where object_id = any($1) and batch_id <> $2 and resolved_at is null
