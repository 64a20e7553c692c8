-- purpose: compare the age of a staged row with that of what a batch brings: below zero when the row is
--          older, above zero when it is newer
-- placeholders: {row} the staged row, {run} the batch's run, {path} and {date} of the object that brings it,
--               {newer} and {older} other runs of that date, as far as the ledger knows them
-- rows: none; an expression that other statements contain
-- locks: none
-- idempotent: reads only
-- Usually the date or the run decides; the two lists save the parsing of run ids.
case
    when {row}.ingestion_date is not distinct from {date} and {row}.run_id = any({newer}) then 1
    when {row}.ingestion_date is not distinct from {date} and {row}.run_id = any({older}) then -1
    else evo.compare_places(
        {row}.ingestion_date, coalesce({row}.run_id, ''), coalesce({row}._source_file, ''), {date}, {run}, {path})
end
