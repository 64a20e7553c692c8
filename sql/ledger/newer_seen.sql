-- purpose: what objects behind a place in the lake have seen without touching it
-- parameters: $1 entity text, $2 run id text, $3 path text
-- rows: run_id, path, key set; a set may have megabytes
select o.run_id, o.path, s.keys
from evo.seen_keys s
join evo.objects o on o.object_id = s.object_id
where o.entity = $1 and (o.run_id collate "C", o.path collate "C") > ($2 collate "C", $3 collate "C")
order by o.object_id
