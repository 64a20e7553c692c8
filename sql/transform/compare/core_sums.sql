-- purpose: sum up the rows of a core table and their parents' keys over a range of keys
-- placeholders: {hash} the hash of a key, {table} the core table, {parent} the column with the parent's key,
--               {within} the range, as a condition on its rows
-- rows: one: rows, sum of the keys' hashes as text
-- locks: none
-- idempotent: reads only
select count(*), coalesce(sum({hash}({parent}, 0)), 0)::text
from {table}
where {within}
