-- purpose: find out whether a manifest is recorded under its path and etag, with the number of records of its run
-- parameters: $1 entity text, $2 lake id int, $3 path text, $4 etag text
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select exists (
    select from evo.manifests
    where entity = $1 and lake_id = $2 and path = $3 and etag = $4 and records_count is not null
)
