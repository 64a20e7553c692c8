-- purpose: end an extraction whose manifest is written
-- parameters: $1 extraction id bigint, $2 whether a window failed boolean, $3 path of the manifest text, $4
--             records bigint, $5 objects bigint, $6 names of the queries that ask for everything since a day
--             text[]
-- rows: none
-- locks: the extraction's row
-- idempotent: yes
-- The next extraction begins where the source's records end: a change that the source shows late, from a
-- replica that lags, would otherwise fall behind the mark. Where there was no record, nothing is known.
update evo.extractions
set state = case when $2 then 'incomplete' else 'complete' end, finished_at = clock_timestamp(), manifest_path = $3,
    records_count = $4, objects_count = $5,
    began_day = least(began_day, (
        select min(coalesce(w.newest_day, w.from_day))
        from evo.windows w
        where w.extraction_id = $1 and w.state = 'complete' and w.query = any ($6)
    ))
where extraction_id = $1 and state = 'open'
