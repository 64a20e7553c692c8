-- purpose: read the paths of some objects
-- parameters: $1 object ids bigint[]
-- rows: path
-- locks: none
-- idempotent: reads only
select path from evo.objects where object_id = any ($1)
