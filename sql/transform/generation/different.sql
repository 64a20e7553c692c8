-- purpose: count the rows of one table of fill_shard.sql, and fail if a key is among them twice
-- placeholders: {name} of the CTE, {key} the model's key columns
-- rows: a fragment of fill_shard.sql: one number
-- locks: none
-- idempotent: reads only
-- Division by zero, because what the statement has inserted is taken back by an error alone.
(
    select r.rows / (r.rows = k.keys)::integer
    from (select count(*) as rows from {name}) r,
         (select count(*) as keys from (select distinct {key} from {name}) d) k
)
