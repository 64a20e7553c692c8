-- purpose: what a good hand-written loader does with a staged batch: newest of each key, in key order, upsert
-- placeholders: table, key, field, run_id
insert into {table} as t ({key}, raw_data, run_id)
select distinct on (1) (doc ->> '{field}')::bigint, doc, '{run_id}'
from stage
where doc is not null
order by 1
on conflict ({key}) do update
set raw_data = excluded.raw_data, run_id = excluded.run_id, _updated_at = excluded._updated_at;
