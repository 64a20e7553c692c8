-- purpose: years for which a staging table has no partition yet
-- parameters: $1 table text, $2 years int[]
-- rows: one per year
-- locks: none
-- idempotent: reads only
-- By the name that evo.ensure_year_partition gives; where a partition has another one, that function finds out.
select y
from unnest($2::int[]) as y
where to_regclass($1 || '_' || y) is null
order by y
