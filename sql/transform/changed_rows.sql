-- purpose: the rows of a core table whose documents came with some batches, as a relation
-- placeholders: {table}, {parent} its column with the parent's key, {staging}, {key} of staging, {batches} an
--               array of ids
-- rows: those of the table
-- locks: none
-- idempotent: reads only
(select t.* from {table} t where t.{parent} in (select {key} from {staging} where _batch_id = any({batches})))
