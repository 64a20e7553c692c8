-- purpose: count rejected lines and issues by their reason; never the line or the value
-- rows: entity, kind (reject or issue), table and column of an issue, reason without the place in the line, how many,
--       how many of the rejects are open; at most 100 of an entity, the most frequent ones
-- locks: none
-- idempotent: reads only
with reason as (
    select
        entity, 'reject' as kind, null::text as table_name, null::text as column_name,
        regexp_replace(reason, ' at (line \d+ column|byte) \d+.*$', '') as reason, count(*) as found,
        count(*) filter (where resolved_at is null) as open
    from evo.rejects
    group by 1, 5
    union all
    select entity, 'issue', table_name, column_name, reason, count(*), count(*)
    from evo.issues
    group by entity, table_name, column_name, reason
),
ranked as (
    select *, row_number() over (partition by entity, kind order by found desc, table_name, column_name, reason) as place
    from reason
)
select entity, kind, table_name, column_name, reason, found, open
from ranked
where place <= 100
order by entity collate "C", kind, found desc, table_name collate "C", column_name collate "C", reason collate "C"
