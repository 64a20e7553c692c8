-- purpose: find out whether the rows of a staging table have keys that were read as they would be now
-- parameters: $1 table text, $2 digest text
-- placeholders: {target} the staging table
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select not exists (select from evo.definitions where table_name = $1 and digest is distinct from $2)
    or not exists (select from {target})
