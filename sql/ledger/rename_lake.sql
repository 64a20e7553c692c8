-- purpose: let an address lead to the lake that is known under another one
-- parameters: $1 address text, $2 address under which the lake is known text
-- rows: one: lake id; none when no lake is known under the second address
-- locks: the address's row, until commit
-- idempotent: a repetition writes the same
insert into evo.lake_addresses (address, lake_id)
select $1, lake_id from evo.lake_addresses where address = $2
on conflict (address) do update set lake_id = excluded.lake_id
returning lake_id
