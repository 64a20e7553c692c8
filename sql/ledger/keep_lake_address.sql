-- purpose: record an address of a lake, unless it is known already
-- parameters: $1 address text, $2 lake id int or null for a new lake
-- rows: one: the id of the lake to which the address leads
-- locks: the new rows, until commit; the caller holds the row of the first lake, so that this runs alone
-- idempotent: a known address is not changed
with known as (
    select lake_id from evo.lake_addresses where address = $1
),
added as (
    insert into evo.lakes (added_at)
    select clock_timestamp()
    where $2::integer is null and not exists (select from known)
    returning lake_id
),
lake as (
    select lake_id from known
    union all
    select lake_id from added
    union all
    select $2::integer where $2::integer is not null and not exists (select from known)
),
kept as (
    insert into evo.lake_addresses (address, lake_id)
    select $1, lake_id from lake
    where not exists (select from known)
)
select lake_id from lake
