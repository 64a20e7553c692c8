-- purpose: give core a partition for each year for which staging has one
-- parameters: $1 core table text, $2 its time column text, $3 zone text, $4 staging table text
-- rows: year, was a partition made
-- locks: of what is made
-- idempotent: nothing is made for a year of which core has a part. A partition of more than a year is the
--             user's own and is not followed
select y, evo.ensure_year_partition($1, $2, y, $3)
from (
    select distinct y
    from evo.time_partitions($4::text::regclass) p
    cross join lateral generate_series(extract(year from p.starts at time zone $3)::int,
                                       extract(year from (p.ends - interval '1 microsecond') at time zone $3)::int) y
    where isfinite(p.starts) and isfinite(p.ends) and p.ends - p.starts <= interval '366 days'
) years
order by y
