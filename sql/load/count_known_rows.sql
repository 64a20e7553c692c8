-- purpose: count the rows that known_rows.sql fetches: as long as there are as many as before, they are the
--          same, because whatever changes a row gives it another batch
-- parameters: $1 batch ids bigint[], $2 paths text[], $3 first time timestamptz, $4 end of the times timestamptz
-- placeholders: {target} the staging table, {is_known_row} as the file of that name
-- rows: one: rows
-- locks: none
-- idempotent: reads only
select count(*)
from {target} t
where {is_known_row}
