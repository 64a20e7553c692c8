-- purpose: find tables of an interrupted refresh: unfinished ones in evo_next, replaced ones in evo_old, and
--          those of either that were set aside
-- parameters: $1 partition names text[]
-- rows: qualified name, is it a replaced one, was it set aside
-- locks: none
-- idempotent: reads only
select format('%I.%I', n.nspname, c.relname), n.nspname = 'evo_old', c.relname <> all ($1::text[])
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('evo_next', 'evo_old') and c.relkind = 'r' and not c.relispartition
  and (c.relname = any ($1::text[]) or c.relname = format('left_%s', c.oid))
order by 1
