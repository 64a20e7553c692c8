-- purpose: find out what recording a page of listed objects would change in the ledger (record_objects.sql,
--          read only)
-- parameters: $1 entity text, $2 lake id int, $3 paths text[], $4 etags text[], $5 when this listing began
--             timestamptz
-- rows: for each object, unless a version was seen that is later than this listing: its index from 1; its id
--       and state, or nulls; whether it is back after it was gone, or after a later version was loaded; ids
--       of older versions that are gone
-- locks: none
-- idempotent: reads only
with listed as materialized (
    select o.index, o.path, o.etag
    from unnest($3::text[], $4::text[]) with ordinality as o (path, etag, index)
    where not exists (
        select from evo.objects later
        where later.lake_id = $2 and later.entity = $1 and later.path = o.path and later.etag <> o.etag
          and later.seen_at >= $5 and later.state in ('pending', 'loaded')
    )
)
select
    l.index, o.object_id, o.state,
    coalesce(
        o.state = 'gone' or o.state = 'loaded' and exists (
            select from evo.objects later
            where later.lake_id = $2 and later.entity = $1 and later.path = o.path and later.version > o.version
              and later.state = 'loaded'
        ),
        false
    ),
    array(
        select old.object_id
        from evo.objects old
        where old.lake_id = $2 and old.entity = $1 and old.path = l.path and old.etag <> l.etag
          and old.state in ('pending', 'quarantined')
    )
from listed l
left join evo.objects o on o.lake_id = $2 and o.entity = $1 and o.path = l.path and o.etag = l.etag
