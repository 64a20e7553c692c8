-- purpose: list the fields that documents of each entity have
-- rows: entity, path, JSON types
-- locks: none
-- idempotent: reads only
select entity, path, string_agg(type, ', ' order by type collate "C")
from evo.fields
group by entity, path
order by entity collate "C", path collate "C"
