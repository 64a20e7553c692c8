-- purpose: read what stands for the keys of some staged rows in the sets of seen keys
-- placeholders: {seen_key} of a row t, {table} the staging table, {within} a condition on its rows
-- rows: one: bigint[], in no order
-- locks: none; an index-only scan where the condition is about the key and the table is vacuumed
-- idempotent: reads only
select coalesce(array_agg({seen_key}), '{}')::bigint[]
from {table} t
where {within}
