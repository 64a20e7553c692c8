-- purpose: find the objects of older runs that have the names of these, and so probably hold the same
--          documents, and the batches that wrote their rows
-- parameters: $1 entity text, $2 lake id int, $3 run id text, $4 ingestion date or null, $5 paths text[]
-- rows: batch id, paths text[], rows that it wrote of these objects; newest batch first
-- locks: none
-- idempotent: reads only
-- A name is a path without date and run. Only batches that are committed count: their rows can become fewer,
-- but never more.
with older as materialized (
    select distinct b.run_id, b.ingestion_date
    from evo.batches b
    where b.entity = $1 and b.lake_id = $2 and b.state = 'committed'
      and (coalesce(b.ingestion_date, '-infinity'), b.run_order, b.run_id collate "C")
          < (coalesce($4::date, '-infinity'), evo.run_order($3) collate "C", $3 collate "C")
),
names as materialized (
    select r.run_id, r.ingestion_date,
           coalesce(replace(q.path, 'ingestion_date=' || $4, 'ingestion_date=' || r.ingestion_date), q.path) as path
    from older r
    cross join unnest($5::text[]) as p (path)
    cross join lateral (select replace(p.path, 'run_id=' || $3, 'run_id=' || r.run_id) as path) q
)
select o.batch_id, array_agg(o.path), sum(o.rows)::bigint
from names n
-- Name by name: on a ledger without statistics the planner would compare each object with each name.
cross join lateral (
    select o.batch_id, o.path, o.inserted_count + o.updated_count as rows
    from evo.objects o
    where o.lake_id = $2 and o.entity = $1 and o.path = n.path
      and o.run_id = n.run_id and o.ingestion_date is not distinct from n.ingestion_date
      and o.state = 'loaded' and o.inserted_count + o.updated_count > 0
    offset 0
) o
join evo.batches w on w.batch_id = o.batch_id and w.state = 'committed'
group by o.batch_id
order by o.batch_id desc
