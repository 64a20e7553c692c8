-- purpose: delete the children that their document no longer has
-- placeholders: {table}, {table_key}, {diff}, {key}
-- locks: the rows it deletes, until commit
-- idempotent: yes
delete from {table} t
where ({table_key}) in (select {key} from {diff} where evo_class = 'gone' offset 0)
