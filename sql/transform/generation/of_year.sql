-- purpose: find the partitions that hold a part of a calendar year
-- parameters: $1 table text, $2 year int, $3 zone text
-- rows: name; those that somebody made smaller or larger too, but not the default one
-- locks: none
-- idempotent: reads only
select c.relname::text
from evo.time_partitions($1::text::regclass) p
join pg_class c on c.oid = p.part
where not p.is_default
  and p.starts < make_timestamp($2 + 1, 1, 1, 0, 0, 0) at time zone $3
  and p.ends > make_timestamp($2, 1, 1, 0, 0, 0) at time zone $3
order by 1
