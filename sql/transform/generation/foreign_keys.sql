-- purpose: list the foreign keys that reference a core table: a partition with referenced rows cannot be
--          detached
-- parameters: $1 table text
-- rows: referencing table, its schema-qualified name quoted; name; definition; was it validated; is the
--       referencing table partitioned; comment; a query that has a row if there is an orphan, in which {new}
--       stands for the referenced rows
-- locks: none
-- idempotent: reads only
-- The query counts the referenced keys and those of them that exist, which a cluster does where the shards are. An
-- anti-join of a table of one server with a distributed one it refuses.
select k.conrelid::regclass::text, k.conname::text, regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', ''), k.convalidated,
       c.relkind = 'p', obj_description(k.oid, 'pg_constraint'),
       format('with wanted as materialized (select distinct %s from %s where %s) '
              'select 1 where (select count(*) from wanted) <> '
              '(select count(*) from (select * from wanted offset 0) w join {new} n on %s)',
              string_agg(quote_ident(a.attname), ', '), k.conrelid::regclass,
              string_agg(format('%I is not null', a.attname), ' and '),
              string_agg(format('n.%I = w.%I', f.attname, a.attname), ' and '))
from pg_constraint k
join pg_class c on c.oid = k.conrelid
cross join unnest(k.conkey, k.confkey) as x (here, there)
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.here
join pg_attribute f on f.attrelid = k.confrelid and f.attnum = x.there
where k.contype = 'f' and k.confrelid = $1::text::regclass and k.conparentid = 0
group by k.oid, c.relkind
order by 1, 2
