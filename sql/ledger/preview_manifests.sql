-- purpose: show the manifests of an entity as they would be after a listing that is not recorded
-- parameters: $1 entity text, $2 lake id int; manifests that the ledger does not know in this version: $17
--             run ids text[], $18 dates date[], $19 records bigint[], $20 parts bigint[], $21 errors bigint[]
-- rows: none; a relation that stands in the place of evo.manifests in other statements
-- locks: none
-- idempotent: reads only
(
    select m.entity, m.lake_id, m.run_id, m.run_order, m.ingestion_date, m.records_count, m.parts_count, m.errors_count
    from evo.manifests m
    where m.entity = $1 and m.lake_id = $2 and m.run_id <> all ($17::text[])
    union all
    select $1, $2, n.run_id, evo.run_order(n.run_id) collate "C", n.ingestion_date, n.records, n.parts, n.errors
    from unnest($17::text[], $18::date[], $19::bigint[], $20::bigint[], $21::bigint[])
        as n (run_id, ingestion_date, records, parts, errors)
)
