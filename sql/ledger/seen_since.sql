-- purpose: read the key sets of the objects of a run and of newer ones: the keys that they have seen without
--          touching them
-- parameters: $1 entity text, $2 ingestion date or null, $3 run id text
-- rows: ingestion date, run id, key set, which may have megabytes; by object id
-- locks: none
-- idempotent: reads only
select o.ingestion_date, o.run_id, s.keys
from evo.seen_keys s
join evo.objects o on o.object_id = s.object_id
where o.entity = $1
  and (coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C")
    >= (coalesce($2::date, '-infinity'), evo.run_order($3) collate "C", $3 collate "C")
order by o.object_id
