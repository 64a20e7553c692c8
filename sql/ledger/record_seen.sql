-- purpose: store the keys that objects of a batch have seen without touching them, in the batch's transaction
-- parameters: $1 object ids bigint[], $2 key sets bytea[]
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: the set of an object that is loaded again replaces the one before
insert into evo.seen_keys (object_id, keys)
select object_id, keys
from unnest($1::bigint[], $2::bytea[]) as s (object_id, keys)
on conflict (object_id) do update set keys = excluded.keys
