-- purpose: write what is new or changed
-- placeholders: {table}, {columns}, {diff}, {key}, {on_conflict} what is done with a row that is there
-- locks: the rows it writes, until commit; in key order
-- idempotent: rows that do not differ are not here
insert into {table} ({columns})
select {columns} from {diff} where evo_class <> 'gone' order by {key}
on conflict ({key}) do {on_conflict}
