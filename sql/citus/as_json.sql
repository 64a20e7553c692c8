-- purpose: give the rows of a query as one value, for a server that can send only one
-- placeholders: {query}, {columns} names for its columns
-- rows: one: JSON array
-- locks: those of the query
-- idempotent: as the query
select coalesce(json_agg(q), '[]')::text
from (
{query}
) q ({columns})
