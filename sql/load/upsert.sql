-- purpose: write the new and changed rows in key order, so that two workers cannot deadlock
-- parameters: $1 run id text, $2 paths by object number text[], $3 ingestion dates by object number date[],
--             $4 other runs of that day that are newer text[], $5 other runs of that day that are older
--             text[], $6 batch id bigint, and $7 positions of verdicts text[] where the condition asks for them
-- placeholders: {verdict} the verdicts, {documents} the table with the documents, {target} the staging table,
--               {key_columns} of the target, {key_values} of them, {age} of the present row against the new
--               one, {written_match} joins candidate and written, {returning} the key columns of a written
--               row, {and_part} a condition on the verdicts, or nothing
-- rows: object number, inserted, updated, surprises: rows that were missing, or not newer, when the verdict
--       was made
-- locks: the rows that it writes, until commit
-- idempotent: no; a row that is written again counts as updated
-- An update always moves _updated_at past _loaded_at, so that "equal" means "never updated". Adding an interval to
-- a time with a zone is not immutable, and Citus takes only what is.
with candidate as materialized (
    select key, event_at, hash, object_no, line_no, stage_row, verdict
    from {verdict}
    where verdict in ('new', 'changed'){and_part}
    order by key, event_at
),
written as (
    insert into {target} as t
        ({key_columns}, raw_data, _source_file, run_id, ingestion_date,
         _loaded_at, _updated_at, _source_line, _content_hash, _batch_id)
    select {key_values}, d.doc::jsonb, ($2::text[])[c.object_no + 1], $1, ($3::date[])[c.object_no + 1],
           now(), now(), c.line_no, c.hash, $6
    from candidate c
    cross join lateral (select doc from {documents} where ctid = c.stage_row offset 0) d
    on conflict ({key_columns}) do update
    set raw_data = excluded.raw_data, _source_file = excluded._source_file, run_id = excluded.run_id,
        ingestion_date = excluded.ingestion_date, _source_line = excluded._source_line,
        _content_hash = excluded._content_hash, _batch_id = excluded._batch_id,
        _updated_at = greatest(excluded._updated_at,
                               (t._loaded_at at time zone 'UTC' + interval '1 microsecond') at time zone 'UTC')
    where {age} <= 0
    returning {returning}, t._loaded_at = t._updated_at as is_new
)
select
    c.object_no,
    count(*) filter (where w.is_new),
    count(*) filter (where not w.is_new),
    count(*) filter (where w.is_new is distinct from (c.verdict = 'new'))
from candidate c
left join written w on {written_match}
group by c.object_no
