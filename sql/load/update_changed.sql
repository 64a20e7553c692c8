-- purpose: write the changed rows of a distributed staging table, where its shards are
-- parameters: $1 run id text, $2 paths by object number text[], $3 ingestion dates by object number date[],
--             $4 other runs of that day that are newer text[], $5 other runs of that day that are older
--             text[], $6 batch id bigint, $7 part bigint, from 0
-- placeholders: {verdict} the verdicts, {documents} the table with the documents, as text, {target} the staging
--               table, {age} of the present row against the new one, {key} of a row, {candidate_match} joins target and
--               candidate
-- rows: object number, inserted (none), updated: fewer than there are candidates when rows were missing, or not
--       newer, when the verdict was made
-- locks: the rows that it writes, until commit. They are in no order; the turn keeps others from them
-- idempotent: no; a row that is written again counts as updated
-- Every server gets the documents as text, and parses those of its rows; an insert would have them parsed here. Citus
-- keeps them in files, of a gigabyte at most, hence the parts of 64 MiB. With the array the planner looks the keys up;
-- it takes wide candidates for many, and would read whole shards.
with candidate as materialized (
    select p.key, p.event_at, p.hash, p.object_no, p.line_no, p.doc, now() as written_at,
           ($2::text[])[p.object_no + 1] as _source_file, $1::text as run_id,
           ($3::date[])[p.object_no + 1] as ingestion_date
    from (
        select v.key, v.event_at, v.hash, v.object_no, v.line_no, d.doc,
               (sum(octet_length(d.doc)) over (order by v.key, v.event_at)) / 67108864 as part
        from {verdict} v
        cross join lateral (select doc from {documents} where ctid = v.stage_row offset 0) d
        where v.verdict = 'changed'
    ) p
    where p.part = $7
),
written as (
    update {target} as t
    set raw_data = c.doc::jsonb, _source_file = c._source_file, run_id = c.run_id,
        ingestion_date = c.ingestion_date, _source_line = c.line_no, _content_hash = c.hash, _batch_id = $6,
        _updated_at = greatest(c.written_at,
                               (t._loaded_at at time zone 'UTC' + interval '1 microsecond') at time zone 'UTC')
    from candidate c
    where {key} = any (array(select key from candidate)) and {candidate_match} and {age} <= 0
    returning c.object_no
)
select object_no, 0::bigint, count(*) from written group by object_no
