-- purpose: record what the rows of a table were made by
-- parameters: $1 table text, $2 entity text, $3 digest text or null for several definitions, $4 columns that
--             the model gives text[]
-- rows: none
-- locks: the row of the table, until commit
-- idempotent: a repetition only moves the time
-- A column that the model has filled once stays in the list while the table has it: nothing fills it any more.
insert into evo.definitions as d (table_name, entity, digest, columns)
values ($1, $2, $3, $4)
on conflict (table_name) do update
set entity = excluded.entity, digest = excluded.digest, noted_at = clock_timestamp(),
    columns = array(
        select a.attname::text from pg_attribute a
        where a.attrelid = to_regclass(excluded.table_name) and a.attnum > 0 and not a.attisdropped
          and (a.attname = any (d.columns) or a.attname = any (excluded.columns))
        order by a.attnum)
