-- purpose: list the texts of a core table that B-tree indexes hold, and how long they may be
-- parameters: $1 table text
-- rows: column, bytes; none if there is no such table
-- locks: none
-- idempotent: reads only
-- An index row holds 2,704 bytes. A longer value fails the whole insert. Key columns, which may not be null,
-- are not among them.
select a.attname::text, min(2600 / s.columns_count)::int
from (
    select to_regclass($1) as oid
    union
    select relid from pg_partition_tree(to_regclass($1))
) t
join pg_index i on i.indrelid = t.oid
join pg_class c on c.oid = i.indexrelid
join pg_am m on m.oid = c.relam and m.amname = 'btree'
cross join lateral (
    select count(*) as columns_count from pg_attribute k
    where k.attrelid = i.indrelid and k.attnum = any (i.indkey::int2[]) and k.attlen = -1
) s
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[]) and not a.attnotnull
    and a.atttypid in ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype)
group by a.attname
