-- purpose: read the first issue of a table that an execution filed, without its value
-- parameters: $1 execution id uuid, $2 table text
-- rows: one: a line that can be shown
-- locks: none
-- idempotent: reads only
select format('%s %s, column %s, from %s of %s line %s', table_name, key_text, column_name, path, source_file, source_line)
from evo.issues
where execution_id = $1 and table_name = $2
order by issue_id
limit 1
