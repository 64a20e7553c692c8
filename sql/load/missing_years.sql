-- purpose: find the years for which a staging table has no partition yet
-- parameters: $1 table text, $2 years int[]
-- rows: year; ascending
-- locks: none
-- idempotent: reads only
-- Looks for the names that evo.ensure_year_partition gives; that function finds a partition with another
-- name. A table that was detached keeps its name and takes no rows.
select y
from unnest($2::int[]) as y
where not exists (
    select from pg_inherits
    where inhparent = $1::regclass and inhrelid = to_regclass($1 || '_' || y)
)
order by y
