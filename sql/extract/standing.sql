-- purpose: read how far the extractions of an entity have come, in the lake of the latest one
-- parameters: $1 entity text
-- rows: at most one: lake id, first day, mark, windows still to be fetched, failed windows, days before the
--       mark that were never fetched
-- locks: none
-- idempotent: reads only
with lake as materialized (
    select lake_id from evo.extractions where entity = $1 order by began_at desc limit 1
),
reach as materialized (
    select e.lake_id, min(e.from_day) filter (where e.state <> 'open') as first_day,
        max(least(e.until_day, e.began_day)) filter (where e.state <> 'open') as mark
    from lake l
    join evo.extractions e on e.entity = $1 and e.lake_id = l.lake_id
    group by e.lake_id
)
select r.lake_id, r.first_day, r.mark, w.open, w.failed, (
        select count(*)
        from generate_series(r.first_day, r.mark - 1, interval '1 day') as d (day)
        where not exists (
            select
            from evo.windows x
            join evo.extractions e on e.extraction_id = x.extraction_id
            where x.entity = $1 and e.lake_id = r.lake_id and x.query = '' and x.state = 'complete'
              and x.from_day <= d.day and d.day < x.until_day
        )
    )
from reach r
cross join lateral (
    select count(*) filter (where x.state in ('planned', 'claimed')) as open,
        count(*) filter (where x.state = 'failed') as failed
    from evo.windows x
    join evo.extractions e on e.extraction_id = x.extraction_id
    where x.entity = $1 and e.lake_id = r.lake_id
) w
