-- purpose: sample some values of a column, in order, to divide it into ranges
-- placeholders: {column} the column, {table} the table, {percent} of its pages
-- rows: value as text; ascending
-- locks: none
-- idempotent: reads only
select {column}::text as bound from {table} tablesample system ({percent}) order by {column}
