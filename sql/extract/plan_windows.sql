-- purpose: plan the windows of an extraction that was just begun: the holes of earlier ones first. Of two
--          that begin on one day the longer is planned: their objects would have one name
-- parameters: $1 extraction id bigint, $2 queries text[], $3 from days date[], $4 until days date[], one of
--             each a window
-- rows: none
-- locks: the failed windows of the entity and lake, which become `replaced`
-- idempotent: no; in one transaction with the beginning of the extraction
with e as materialized (select * from evo.extractions where extraction_id = $1),
hole as (
    update evo.windows w
    set state = 'replaced', reason = null, execution_id = null, lease_until = null
    from e
    where w.state = 'failed' and w.entity = e.entity
      and w.extraction_id in (select o.extraction_id from evo.extractions o
          where o.entity = e.entity and o.lake_id = e.lake_id)
    returning w.query, w.from_day, w.until_day
),
wanted as (
    select query, from_day, until_day, true as is_hole, 0::bigint as place from hole
    union all
    select w.query, w.from_day, w.until_day, false, w.place
    from unnest($2::text[], $3::date[], $4::date[]) with ordinality as w (query, from_day, until_day, place)
)
insert into evo.windows (extraction_id, entity, run_id, query, from_day, until_day, is_hole, state)
select e.extraction_id, e.entity, e.run_id, w.query, w.from_day, w.until_day, w.is_hole, 'planned'
from e
cross join (
    select distinct on (query, from_day) * from wanted order by query, from_day, until_day desc, is_hole desc
) w
order by w.is_hole desc, w.place, w.query, w.from_day
