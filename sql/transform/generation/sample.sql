-- purpose: some values of a column, in order, of which every so many bounds a range
-- placeholders: {column}, {table}, {percent} of its pages
select {column}::text as bound from {table} tablesample system ({percent}) order by {column}
