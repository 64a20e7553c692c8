-- purpose: write the statements that rename a leftover, where something of the user's own keeps it from being
--          dropped
-- parameters: $1 table text
-- rows: statement, in order
-- locks: none
-- idempotent: reads only; new names are made of object ids
with leftover as (
    select c.oid, n.nspname
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.oid = $1::text::regclass
),
statement as (
    select 1 as part, format('alter index %I.%I rename to left_%s', l.nspname, c.relname, c.oid) as text
    from leftover l
    join pg_index i on i.indrelid = l.oid
    join pg_class c on c.oid = i.indexrelid
    union all
    select 1, format('alter statistics %I.%I rename to left_%s', n.nspname, s.stxname, s.oid)
    from leftover l
    join pg_statistic_ext s on s.stxrelid = l.oid
    join pg_namespace n on n.oid = s.stxnamespace
    union all
    select 2, format('alter table %s rename to left_%s', l.oid::regclass, l.oid)
    from leftover l
)
select text from statement order by part
