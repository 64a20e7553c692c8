-- Objects of a later run, copied from the first that was loaded, and the keys that they have seen.
create temporary table made_up (number int, keys bytea);
\copy made_up from '{path}'
with one as (select * from evo.objects where state = 'loaded' order by object_id limit 1),
added as (
    insert into evo.objects (entity, lake_id, path, etag, size_bytes, run_id, ingestion_date, state, batch_id, loaded_at)
    select o.entity, o.lake_id, o.path || '.' || m.number, o.etag, o.size_bytes, '9' || o.run_id, o.ingestion_date + 1,
           'loaded', o.batch_id, o.loaded_at
    from one o cross join made_up m
    returning object_id, substring(path from '[0-9]+$')::int as number
)
insert into evo.seen_keys (object_id, keys, first_place, last_place)
select a.object_id, m.keys, number * 10000::bigint, number * 10000::bigint + 9999
from added a join made_up m using (number);
vacuum analyze evo.objects, evo.seen_keys;
