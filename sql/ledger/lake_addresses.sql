-- purpose: the addresses under which lakes are known
-- rows: lake id, address; oldest first
select lake_id, address from evo.lake_addresses order by added_at, address
