-- purpose: remember a page of listed objects; an object is known by path and etag
-- parameters: $1 entity text, $2 paths text[], $3 etags text[], $4 sizes bigint[], $5 run ids text[], $6 dates date[]
-- rows: none; the command tag counts the new ones
-- idempotent: known objects are skipped without a write; `on conflict` is for a rival that lists at the same time
-- An older version of a path that was never loaded is gone: it cannot be read any more.
with listed as materialized (
    select o.path, o.etag, o.size_bytes, o.run_id, o.ingestion_date
    from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::date[])
        as o (path, etag, size_bytes, run_id, ingestion_date)
),
replaced as (
    update evo.objects old
    set state = 'gone', reason = null, batch_id = null
    from listed l
    where old.entity = $1 and old.path = l.path and old.etag <> l.etag and old.state = 'pending'
)
insert into evo.objects (entity, path, etag, size_bytes, run_id, ingestion_date, state, reason)
select
    $1, l.path, l.etag, l.size_bytes, l.run_id, l.ingestion_date,
    case when l.run_id is null then 'quarantined' else 'pending' end,
    case when l.run_id is null then 'the path has no run_id=… segment, so its age is unknown' end
from listed l
where not exists (select from evo.objects o where o.entity = $1 and o.path = l.path and o.etag = l.etag)
order by l.path collate "C"
on conflict (entity, path, etag) do nothing
