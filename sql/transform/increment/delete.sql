-- purpose: delete the children that their document no longer has
-- placeholders: {table} the core table, {table_key} its key, {diff} the rows that differ, {key} their key
-- rows: none; the command tag counts the rows
-- locks: the rows that it deletes, until commit
-- idempotent: what is deleted is not there any more
delete from {table} t
where ({table_key}) in (select {key} from {diff} where evo_class = 'gone' offset 0)
