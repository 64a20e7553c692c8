-- purpose: mark staged rows as missing, or as present again
-- parameters: $1 keys of any type text[], $2 times of the keys or nulls timestamptz[], $3 batch ids or nulls
--             bigint[], $4 since when they are missing, or nulls, timestamptz[]
-- placeholders: {table} the staging table, {key} its key column, {key_type} its type, {and_time} compares the time
--               of a row t with that of a key m, {rows} the staged rows of the chunk
-- rows: none; the command tag counts the rows
-- locks: the rows that it writes, until commit
-- idempotent: a row that a load has written meanwhile is left alone; the next comparison sees it
update {table} t
set _deleted_at = m.deleted_at
from unnest($1::{key_type}[], $2::timestamptz[], $3::bigint[], $4::timestamptz[])
    as m (key, event_at, batch_id, deleted_at)
where t.{key} = m.key {and_time} and t._batch_id is not distinct from m.batch_id
  and t.{key} in (select r.{key} from {rows} r)
