-- purpose: insert the rows of some documents, and find out whether a key came twice among them
-- placeholders: {insert} the insert, {key} the model's key columns
-- rows: one: rows, different keys
-- locks: those of the insert
-- idempotent: no; the caller rolls back when there are fewer keys than rows
with filled as (
    {insert}
    returning {key}
)
select count(*), (select count(*) from (select distinct {key} from filled) k) from filled
