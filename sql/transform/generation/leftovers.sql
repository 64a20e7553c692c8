-- purpose: tables of an interrupted refresh: unfinished ones in evo_next, replaced ones in evo_old
-- parameters: $1 partition names text[]
-- rows: qualified name, is a replaced one
select format('%I.%I', n.nspname, c.relname), n.nspname = 'evo_old'
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('evo_next', 'evo_old') and c.relname = any ($1::text[]) and c.relkind = 'r' and not c.relispartition
