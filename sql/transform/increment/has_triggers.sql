-- purpose: find out whether anything else changes, adds or leaves out rows when evo writes to some tables
-- parameters: $1 tables text[]
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select exists (
    select 1
    from unnest($1::text[]) as n (name)
    cross join lateral (select n.name::regclass as relid union select relid from pg_partition_tree(n.name::regclass)) r
    join pg_trigger t on t.tgrelid = r.relid and not t.tgisinternal and t.tgenabled <> 'D'
)
