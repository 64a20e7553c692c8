-- purpose: one table of fill_shard.sql
-- placeholders: {name} of the CTE, {insert} the insert, {key} the model's key columns
-- rows: none; a fragment of fill_shard.sql
-- locks: none
-- idempotent: no
{name} as (
    {insert}
    returning {key}
)
