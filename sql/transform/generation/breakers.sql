-- purpose: a query for the documents whose rows in a full new table break a unique index or a foreign key of
--          the old one
-- parameters: $1 partition text, $2 new table text, $3 index or constraint text, $4 key column text, $5 the
--             most rows text
-- rows: the query, which gives keys as text in order; none for another kind of constraint
-- locks: none
-- idempotent: reads only
with part as (select $1::text::regclass as oid),
duplicate as (
    select format('select n.%1$I as key, count(*) over (partition by %2$s) > 1 and num_nulls(%2$s) = 0 as is_broken from %3$s n where %4$s',
                  $4, string_agg(pg_get_indexdef(i.indexrelid, k, false), ', ' order by k), $2,
                  coalesce(pg_get_expr(i.indpred, i.indrelid), 'true')) as rows
    from part
    join pg_index i on i.indrelid = part.oid and i.indisunique
    join pg_class c on c.oid = i.indexrelid and c.relname = $3
    cross join generate_series(1, i.indnkeyatts) k
    group by i.indexrelid, i.indrelid, i.indpred
),
orphan as (
    select format('select n.%I as key, %s and not exists (select 1 from %s r where %s) as is_broken from %s n',
                  $4, string_agg(format('n.%I is not null', a.attname), ' and '), f.confrelid::regclass,
                  string_agg(format('r.%I = n.%I', b.attname, a.attname), ' and '), $2) as rows
    from part
    join pg_constraint f on f.conrelid = part.oid and f.contype = 'f' and f.conname = $3
    cross join unnest(f.conkey, f.confkey) as x (here, there)
    join pg_attribute a on a.attrelid = f.conrelid and a.attnum = x.here
    join pg_attribute b on b.attrelid = f.confrelid and b.attnum = x.there
    group by f.oid, f.confrelid
)
select format('select key::text from (select distinct key from (%s) x where is_broken order by key limit %s) y order by y.key', q.rows, $5)
from (select rows from duplicate union all select rows from orphan) q
