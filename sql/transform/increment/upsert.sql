-- purpose: write the rows that are new or changed
-- placeholders: {table} the core table, {columns} of the model, {diff} the rows that differ, {key} the key,
--               {on_conflict} what is done with a row that is there
-- rows: none; the command tag counts the rows
-- locks: the rows that it writes, until commit; in key order
-- idempotent: rows that do not differ are not among them
insert into {table} ({columns})
select {columns} from {diff} where evo_class <> 'gone' order by {key}
on conflict ({key}) do {on_conflict}
