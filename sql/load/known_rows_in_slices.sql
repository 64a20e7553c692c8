-- purpose: fetch what known_rows.sql does in slices, because evo holds every answer whole
-- parameters: $1 batch ids bigint[], $2 paths text[], $3 first time timestamptz, $4 end of the times
--             timestamptz
-- placeholders: {known_rows} that statement
-- rows: keys, times and content hashes, as there, up to 8,192 each
-- locks: none
-- idempotent: reads only
select f.keys[s.first : s.first + 8191], f.times[s.first : s.first + 8191], f.hashes[s.first : s.first + 8191]
from (
{known_rows}
) as f
cross join generate_series(1, cardinality(f.keys), 8192) as s (first)
