-- purpose: count the open rejects of an entity, lake by lake
-- parameters: $1 entity text, $2 run id text or null
-- rows: lake id, its oldest address or null, rejects; a lake without open rejects has none
-- locks: none
-- idempotent: reads only
select
    o.lake_id,
    (select a.address from evo.lake_addresses a where a.lake_id = o.lake_id order by a.added_at, a.address limit 1),
    count(*)
from evo.rejects r
join evo.objects o on o.object_id = r.object_id
where r.entity = $1 and r.resolved_at is null
  and ($2::text is null or o.run_id = $2)
group by o.lake_id
order by o.lake_id
