-- purpose: read how many requests a day of a query took when it was last read
-- parameters: $1 entity text, $2 lake id int, $3 query text
-- rows: one: requests a day, or null when nothing is known
-- locks: none
-- idempotent: reads only
select (sum(w.requests_count) / nullif(sum(w.until_day - w.from_day), 0))::float8
from evo.windows w
join evo.extractions e on e.extraction_id = w.extraction_id
where w.entity = $1 and e.lake_id = $2 and w.query = $3 and w.state = 'complete'
