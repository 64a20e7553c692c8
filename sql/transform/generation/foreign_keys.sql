-- purpose: list the foreign keys that reference a core table: a partition with referenced rows cannot be
--          detached
-- parameters: $1 table text
-- rows: referencing table, its schema-qualified name quoted; name; definition; was it validated; is the
--       referencing table partitioned; comment; a query for one orphan, in which {new} stands for the
--       referenced rows
-- locks: none
-- idempotent: reads only
select k.conrelid::regclass::text, k.conname::text, regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''), k.convalidated,
       c.relkind = 'p', obj_description(k.oid, 'pg_constraint'),
       format('select 1 from %s r where %s and not exists (select 1 from {new} n where %s) limit 1', k.conrelid::regclass,
              string_agg(format('r.%I is not null', a.attname), ' and '), string_agg(format('n.%I = r.%I', f.attname, a.attname), ' and '))
from pg_constraint k
join pg_class c on c.oid = k.conrelid
cross join unnest(k.conkey, k.confkey) as x (here, there)
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.here
join pg_attribute f on f.attrelid = k.confrelid and f.attnum = x.there
where k.contype = 'f' and k.confrelid = $1::text::regclass and k.conparentid = 0
group by k.oid, c.relkind
order by 1, 2
