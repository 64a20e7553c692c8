-- purpose: make a table like a staging table for the documents of a test, which nobody else sees
-- placeholders: {staging} the staging table
-- rows: none
-- locks: none outside of the session
-- idempotent: no; it is gone with the transaction
create temp table evo_example on commit drop as select * from {staging} with no data
