-- purpose: compare what the documents say with what core holds
-- placeholders: {fresh} the documents' rows, {old} those of core, {diff} the rows that differ, {columns} of
--               the model, {picked} of f or, where it is gone, of t, {key} the key, {first_key} its first
--               column, {differs} a condition on the values, {orphans} a select of a count, or null
-- rows: one: rows of the model, new, changed, gone, rows without a parent or null
-- locks: none outside of the session
-- idempotent: no; the tables are emptied at commit
with differing as (
    insert into {diff} ({columns}, evo_class)
    select {picked}, case when t.{first_key} is null then 'new' when f.{first_key} is null then 'gone' else 'changed' end
    from {fresh} f
    full join {old} t using ({key})
    where t.{first_key} is null or f.{first_key} is null or {differs}
    returning evo_class
)
select
    (select count(*) from {fresh}),
    count(*) filter (where evo_class = 'new'),
    count(*) filter (where evo_class = 'changed'),
    count(*) filter (where evo_class = 'gone'),
    ({orphans})::bigint
from differing
