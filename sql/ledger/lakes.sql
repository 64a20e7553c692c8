-- purpose: list the lakes of the ledger
-- rows: lake id, addresses text[], objects; oldest first
-- locks: none
-- idempotent: reads only
select
    l.lake_id,
    coalesce((select array_agg(a.address order by a.added_at, a.address) from evo.lake_addresses a
        where a.lake_id = l.lake_id), '{}'),
    (select count(*) from evo.objects o where o.lake_id = l.lake_id)
from evo.lakes l
order by l.lake_id
