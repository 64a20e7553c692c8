-- purpose: read rows that a test expects, in the types of a table
-- parameters: $1 rows text[]
-- placeholders: {table} the core table
-- rows: a row as json with every column; in the order of the parameter
-- locks: none
-- idempotent: reads only
select to_json(jsonb_populate_record(null::{table}, r.line::jsonb))
from unnest($1::text[]) with ordinality as r (line, place)
order by r.place
