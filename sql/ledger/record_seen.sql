-- purpose: store the keys that objects of a batch have seen without touching them, in the batch's transaction
-- parameters: $1 object ids bigint[], $2 key sets bytea[], $3 least places of their keys bigint[], $4
--             greatest places bigint[]
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: the set of an object that is loaded again replaces the one before
insert into evo.seen_keys (object_id, keys, first_place, last_place)
select object_id, keys, first_place, last_place
from unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[]) as s (object_id, keys, first_place, last_place)
on conflict (object_id) do update
set keys = excluded.keys, first_place = excluded.first_place, last_place = excluded.last_place
