-- purpose: list the addresses under which lakes are known
-- rows: lake id, address; oldest first
-- locks: none
-- idempotent: reads only
select lake_id, address from evo.lake_addresses order by added_at, address
