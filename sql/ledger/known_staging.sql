-- purpose: find out whether the keys of a staging table were read as they would be now, as far as the ledger
--          knows
-- parameters: $1 table text, $2 digest text
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select not exists (select from evo.definitions where table_name = $1 and digest is distinct from $2)
