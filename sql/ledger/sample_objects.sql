-- purpose: find some of the objects that a load has planned, to look into them before it begins: of each run in
--          turn one that has nothing to do with the order of their names, newest run first
-- parameters: $1 entity text, $2 lake id int, $3 run id text or null, $4 since date or null, $5 how many bigint
-- rows: path, etag
-- locks: none
-- idempotent: reads only
select o.path, o.etag
from (
    select
        o.path, o.etag, o.ingestion_date, o.run_order, o.run_id,
        row_number() over (partition by o.run_id, o.ingestion_date order by md5(o.path), o.path collate "C") as place
    from evo.objects o
    where o.entity = $1 and o.lake_id = $2 and o.state = 'pending' and o.batch_id is not null
      and ($3::text is null or o.run_id = $3)
      and ($4::date is null or o.ingestion_date >= $4)
) o
order by o.place, coalesce(o.ingestion_date, '-infinity') desc, o.run_order desc, o.run_id collate "C" desc
limit $5
