-- purpose: count the lines that the objects of a run and of newer ones found unchanged
-- parameters: $1 entity text, $2 ingestion date or null, $3 run id text
-- rows: one: bigint
-- locks: none
-- idempotent: reads only
select coalesce(sum(o.unchanged_count), 0)::bigint
from evo.objects o
where o.entity = $1 and o.state = 'loaded'
  and (coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C")
    >= (coalesce($2::date, '-infinity'), evo.run_order($3) collate "C", $3 collate "C")
