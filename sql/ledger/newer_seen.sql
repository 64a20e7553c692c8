-- purpose: read the key sets of objects newer than a position: the keys that they have seen without touching
--          them
-- parameters: $1 entity text, $2 ingestion date or null, $3 run id text, $4 path text, $5 least place of the
--             keys in question bigint, $6 greatest place bigint
-- rows: ingestion date, run id, path, key set, which may have megabytes; by object id
-- locks: none
-- idempotent: reads only
select o.ingestion_date, o.run_id, o.path, s.keys
from evo.seen_keys s
join evo.objects o on o.object_id = s.object_id
where o.entity = $1
  and (s.first_place is null or s.first_place <= $6) and (s.last_place is null or s.last_place >= $5)
  and (coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C", o.path collate "C")
    > (coalesce($2::date, '-infinity'), evo.run_order($3) collate "C", $3 collate "C", $4 collate "C")
order by o.object_id
