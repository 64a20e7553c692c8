-- purpose: list loaded objects to be read again, newest first, a page at a time
-- parameters: $1 entity text, $2 lake id int, $3 only these paths text[] or null, $4 is it a page behind
--             another one boolean, $5 ingestion date date or null, $6 run id text and $7 path text of the
--             last object of that one, $8 objects per page bigint
-- rows: object id, path, etag, bytes, run id, ingestion date, batch id, lines, was an earlier version of the
--       path loaded, transaction that wrote the object's rows as text, or null where that is not certain
-- locks: none
-- idempotent: reads only
-- A batch marks its objects as loaded in the transaction that writes its rows. A number that several batches
-- share is not that of a batch: somebody restored or rewrote the ledger. Nor is the only one that there is.
with loaded as materialized (
    select o.xmin as transaction, min(o.batch_id) = max(o.batch_id) as is_of_one_batch
    from evo.objects o
    where o.state = 'loaded'
    group by o.xmin
),
certain as materialized (
    select transaction from loaded where is_of_one_batch and (select count(*) from loaded) > 1
)
select
    o.object_id, o.path, o.etag, o.size_bytes, o.run_id, o.ingestion_date, o.batch_id, o.lines_count,
    exists (
        select from evo.objects older
        where older.lake_id = o.lake_id and older.entity = o.entity and older.path = o.path and older.object_id <> o.object_id
          and older.loaded_at is not null
    ),
    (select c.transaction::text from certain c where c.transaction = o.xmin)
from evo.objects o
where o.entity = $1 and o.lake_id = $2 and o.state = 'loaded'
  and ($3::text[] is null or o.path = any ($3))
  and not exists (
      select from evo.objects newer
      where newer.lake_id = o.lake_id and newer.entity = o.entity and newer.path = o.path and newer.version > o.version
        and newer.state = 'loaded'
  )
  and (not $4 or (coalesce(o.ingestion_date, '-infinity'), o.run_order, o.run_id collate "C", o.path collate "C")
       < (coalesce($5::date, '-infinity'), evo.run_order($6) collate "C", $6 collate "C", $7 collate "C"))
order by coalesce(o.ingestion_date, '-infinity') desc, o.run_order desc, o.run_id collate "C" desc, o.path collate "C" desc
limit $8
