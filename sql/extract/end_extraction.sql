-- purpose: an extraction has its manifest
-- parameters: $1 extraction id bigint, $2 whether a window failed boolean, $3 path of the manifest text, $4
--             records bigint, $5 objects bigint
-- rows: none
-- locks: the extraction's row
-- idempotent: yes
update evo.extractions
set state = case when $2 then 'incomplete' else 'complete' end, finished_at = clock_timestamp(), manifest_path = $3,
    records_count = $4, objects_count = $5
where extraction_id = $1 and state = 'open'
