-- purpose: the rows of a source's core table whose staging row came with some batches, as a relation
-- placeholders: {core}, {staging} tables, {key} columns of staging, {batches} an array of ids
-- rows: those of the core table
-- locks: none
-- idempotent: reads only
(select c.* from (select {key} from {staging} where _batch_id = any({batches})) b join {core} c using ({key}))
