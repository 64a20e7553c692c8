-- purpose: record a page of listed objects; an object is known by lake, path and etag
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 etags text[], $5 sizes bigint[], $6 run ids
--             text[], $7 ingestion dates date[], $8 begin of the listing timestamptz
-- rows: what the ledger knew of the page: state, or 'new', and the number of objects
-- locks: the rows that it changes, until commit
-- idempotent: what is known is left alone; `on conflict` is for a rival that lists at the same time
-- A version that was first seen, or came back, after this listing began is newer than what the page shows:
-- another listing, or another page of this one, saw the path later. So a slow listing never takes back what a
-- faster one has found.
with listed as materialized (
    select o.path, o.etag, o.size_bytes, o.run_id, o.ingestion_date
    from unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::date[])
        as o (path, etag, size_bytes, run_id, ingestion_date)
    where not exists (
        select from evo.objects later
        where later.lake_id = $2 and later.entity = $1 and later.path = o.path and later.etag <> o.etag
          and later.seen_at >= $8
          and later.state in ('pending', 'loaded')
    )
),
-- An older version of a path that was never loaded is gone: it cannot be read any more.
replaced as (
    update evo.objects old
    set state = 'gone', reason = null, batch_id = null
    from listed l
    where old.lake_id = $2 and old.entity = $1 and old.path = l.path and old.etag <> l.etag
      and old.state in ('pending', 'quarantined')
),
-- Objects that are back after they were gone, or after a later version of them was loaded, which they now
-- replace.
back as materialized (
    select o.object_id, o.state, o.batch_id, o.lines_count
    from listed l
    join evo.objects o on o.lake_id = $2 and o.entity = $1 and o.path = l.path and o.etag = l.etag
    where o.state = 'gone'
       or (o.state = 'loaded' and exists (
           select from evo.objects later
           where later.lake_id = $2 and later.entity = $1 and later.path = o.path and later.version > o.version
             and later.state = 'loaded'))
),
-- Unless a rival was quicker and has changed the state.
returned as (
    update evo.objects o
    set state = case when o.run_id is null then 'quarantined' else 'pending' end,
        reason = case when o.run_id is null then 'the path has no run_id=… segment, so its age is unknown' end,
        batch_id = null, version = nextval('evo.objects_version_seq'), seen_at = clock_timestamp(),
        lines_count = 0, inserted_count = 0, updated_count = 0, unchanged_count = 0, superseded_count = 0,
        rejected_count = 0
    from back b
    where o.object_id = b.object_id and o.state = b.state
    returning o.state, b.state as was, b.batch_id, b.lines_count
),
taken as (
    update evo.batches b
    set again_objects_count = b.again_objects_count + r.objects, again_lines_count = b.again_lines_count + r.lines
    from (select batch_id, count(*)::integer as objects, sum(lines_count)::bigint as lines from returned
        where was = 'loaded' group by batch_id) r
    where b.batch_id = r.batch_id
),
still_aside as (
    update evo.objects o
    set seen_at = clock_timestamp()
    from listed l
    where o.lake_id = $2 and o.entity = $1 and o.path = l.path and o.etag = l.etag
      and o.state in ('quarantined', 'ignored')
),
added as (
    insert into evo.objects (lake_id, entity, path, etag, size_bytes, run_id, ingestion_date, state, reason)
    select
        $2, $1, l.path, l.etag, l.size_bytes, l.run_id, l.ingestion_date,
        case when l.run_id is null then 'quarantined' else 'pending' end,
        case when l.run_id is null then 'the path has no run_id=… segment, so its age is unknown' end
    from listed l
    where not exists (select from evo.objects o
        where o.lake_id = $2 and o.entity = $1 and o.path = l.path and o.etag = l.etag)
    order by l.path collate "C"
    on conflict (lake_id, entity, path, etag) do nothing
    returning state
)
select case state when 'pending' then 'new' else state end, count(*) from added group by 1
union all
select state, count(*) from returned group by state
union all
select o.state, count(*)
from listed l
join evo.objects o on o.lake_id = $2 and o.entity = $1 and o.path = l.path and o.etag = l.etag
where not exists (select from back b where b.object_id = o.object_id)
group by o.state
