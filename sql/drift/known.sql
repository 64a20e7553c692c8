-- purpose: read the fields of an entity that are recorded
-- parameters: $1 entity text
-- rows: path, its JSON types text[]; at most 10,000 paths
-- locks: none
-- idempotent: reads only
select path, array_agg(type order by type) from evo.fields where entity = $1 group by path
