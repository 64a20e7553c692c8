-- purpose: write later lines of keys over the rows that the same batch has copied straight into the staging
--          table
-- parameters: $1 batch id bigint, $2 run id text, $3 ingestion dates date[], $4 keys of any type text[], $5
--             times timestamptz[], $6 content hashes uuid[], $7 line numbers bigint[], $8 paths text[], $9
--             documents text[]; the arrays are of one length and in the order of the lines
-- placeholders: {target} the staging table, {key_type} type of its key, {key_columns} of it, {key_values} of
--               a line
-- rows: one: keys, rows written: fewer when a row is not one of the batch
-- locks: the rows that it writes, until commit
-- idempotent: yes; of each key the last line counts
with line as (
    select l.key, l.event_at, l.hash, l.line_no, l.path, l.ingestion_date, l.doc, l.place
    from unnest($4::{key_type}[], $5::timestamptz[], $6::uuid[], $7::bigint[], $8::text[], $3::date[], $9::text[])
        with ordinality as l (key, event_at, hash, line_no, path, ingestion_date, doc, place)
),
last_line as materialized (
    select distinct on (key, event_at) key, event_at, hash, line_no, path, ingestion_date, doc
    from line
    order by key, event_at, place desc
),
written as (
    insert into {target} as t
        ({key_columns}, raw_data, _source_file, run_id, ingestion_date, _source_line, _content_hash, _batch_id)
    select {key_values}, c.doc::jsonb, c.path, $2, c.ingestion_date, c.line_no, c.hash, $1
    from last_line c
    on conflict ({key_columns}) do update
    set raw_data = excluded.raw_data, _source_file = excluded._source_file, ingestion_date = excluded.ingestion_date,
        _source_line = excluded._source_line, _content_hash = excluded._content_hash
    where t._batch_id = $1
    returning 1
)
select (select count(*) from last_line), (select count(*) from written)
