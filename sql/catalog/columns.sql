-- purpose: list the columns of tables and views, with what the statistics say of them; never a value of theirs
-- parameters: $1 oids of tables and views bigint[], $2 whether statistics are wanted boolean
-- rows: in the order of the oids and of the columns: oid, name, type, is it not null, comment, share of values
--       that are not null (null: unknown), distinct values (below zero: a share of the rows), average bytes
-- locks: none beyond those of reading the catalog
-- idempotent: reads only
-- The statistics are read once. A partitioned table has statistics of its own only after
-- ANALYZE by hand; without them its partitions' are averaged.
with recursive wanted as (
    select c.oid, n.nspname, c.relname, c.relkind, w.place
    from unnest($1) with ordinality as w (oid, place)
    join pg_class c on c.oid = w.oid::oid
    join pg_namespace n on n.oid = c.relnamespace
),
below as (
    select oid, oid as part from wanted where relkind = 'p'
    union all
    select b.oid, i.inhrelid from below b join pg_inherits i on i.inhparent = b.part
),
leaf as (
    select b.oid, n.nspname, p.relname, greatest(p.reltuples, 0) as rows
    from below b
    join pg_class p on p.oid = b.part and p.relkind = 'r'
    join pg_namespace n on n.oid = p.relnamespace
),
stat as materialized (
    select schemaname, tablename, inherited, attname, null_frac, n_distinct, avg_width from pg_stats where $2
),
known as materialized (
    select w.oid, s.attname, s.null_frac, s.n_distinct, s.avg_width, 0 as rank
    from stat s
    join wanted w on w.nspname = s.schemaname and w.relname = s.tablename and (w.relkind = 'p') = s.inherited
    union all
    select l.oid, s.attname, sum(s.null_frac * l.rows) / nullif(sum(l.rows), 0),
        case when count(*) = 1 then max(s.n_distinct) end,
        (sum(s.avg_width * l.rows) / nullif(sum(l.rows), 0))::int, 1
    from stat s
    join leaf l on l.nspname = s.schemaname and l.relname = s.tablename and not s.inherited
    group by l.oid, s.attname
),
best as (
    select distinct on (oid, attname) * from known order by oid, attname, rank
)
select
    w.oid::bigint, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    col_description(w.oid, a.attnum), (1 - s.null_frac)::float8, s.n_distinct::float8, s.avg_width
from wanted w
join pg_attribute a on a.attrelid = w.oid and a.attnum > 0 and not a.attisdropped
left join best s on s.oid = w.oid and s.attname = a.attname
order by w.place, a.attnum
