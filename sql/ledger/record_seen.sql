-- purpose: keep what objects of a batch have seen without touching it, in the batch's transaction
-- parameters: $1 object ids bigint[], $2 key sets bytea[]
-- idempotent: an object that is loaded again has seen what its set says now
insert into evo.seen_keys (object_id, keys)
select object_id, keys
from unnest($1::bigint[], $2::bytea[]) as s (object_id, keys)
on conflict (object_id) do update set keys = excluded.keys
