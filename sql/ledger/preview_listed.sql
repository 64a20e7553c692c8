-- purpose: show the objects that manifests list as they would be after a listing that is not recorded
-- parameters: $1 entity text, $2 lake id int; manifests that the ledger does not know in this version: $17
--             run ids text[]; their objects: $22 run ids text[], $23 paths text[]
-- rows: none; a relation that stands in the place of evo.manifest_objects in other statements
-- locks: none
-- idempotent: reads only
(
    select m.entity, m.lake_id, m.run_id, m.path
    from evo.manifest_objects m
    where m.entity = $1 and m.lake_id = $2 and m.run_id <> all ($17::text[])
    union all
    select $1, $2, n.run_id, n.path
    from unnest($22::text[], $23::text[]) as n (run_id, path)
)
