-- purpose: show the objects of an entity as they would be after a listing that is not recorded
-- parameters: $1 entity text, $2 lake id int; $10 object ids that are gone bigint[], $11 object ids that wait
--             again bigint[], $12 batch ids whose objects are grouped again bigint[]; objects that the ledger
--             does not know: $13 paths text[], $14 sizes bigint[], $15 run ids text[], $16 dates date[]
-- rows: none; a relation that stands in the place of evo.objects in other statements
-- locks: none
-- idempotent: reads only
(
    select
        o.object_id, o.entity, o.lake_id, o.path, o.size_bytes, o.run_id, o.run_order, o.ingestion_date,
        case
            when o.object_id = any ($10::bigint[]) then 'gone'
            when o.object_id = any ($11::bigint[]) then case when o.run_id is null then 'quarantined' else 'pending' end
            else o.state
        end as state,
        case
            when o.object_id = any ($10::bigint[]) or o.object_id = any ($11::bigint[]) then null
            when o.batch_id = any ($12::bigint[]) then null
            else o.batch_id
        end as batch_id
    from evo.objects o
    where o.entity = $1 and o.lake_id = $2
    union all
    select
        null, $1, $2, n.path, n.size_bytes, n.run_id, evo.run_order(n.run_id) collate "C", n.ingestion_date,
        case when n.run_id is null then 'quarantined' else 'pending' end, null
    from unnest($13::text[], $14::bigint[], $15::text[], $16::date[]) as n (path, size_bytes, run_id, ingestion_date)
)
