-- purpose: fill a range, and find out whether a key came twice in it
-- placeholders: {insert} the insert, {key} the model's key columns
-- rows: one: rows, different keys
-- locks: the new table's own
-- idempotent: no; the caller rolls back when there are fewer keys than rows
with filled as (
    {insert}
    returning {key}
)
select count(*), (select count(*) from (select distinct {key} from filled) k) from filled
