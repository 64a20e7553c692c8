-- purpose: read what waits of each entity, how long it takes, and what the last hour brought
-- rows: a row of evo.v_entities, as jsonb
-- locks: none
-- idempotent: reads only
select to_jsonb(v) from evo.v_entities v order by v.entity
