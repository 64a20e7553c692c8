-- purpose: list the stretches of time that have a partition of their own in a staging table
-- parameters: $1 table text
-- rows: from (inclusive), until (exclusive), in microseconds since 2000-01-01 UTC bigint, null where there is
--       no bound; one without bounds for a table that is not partitioned, none for one that is partitioned
--       otherwise than by time
-- locks: none
-- idempotent: reads only
select
    case when isfinite(p.starts) then (extract(epoch from p.starts) * 1000000)::bigint - 946684800000000 end,
    case when isfinite(p.ends) then (extract(epoch from p.ends) * 1000000)::bigint - 946684800000000 end
from evo.time_partitions($1::regclass) p
where not p.is_default
union all
select null, null
from pg_class c
where c.oid = $1::regclass and c.relkind = 'r'
