-- purpose: read the rows that a model gives for the documents of a test, in the types of its table
-- placeholders: {typed} the columns of m with their types, {model} the model's select
-- rows: a row as json
-- locks: none
-- idempotent: reads only
select to_json(t.*) -- as a row, also where it has a column t
from (
    select {typed}
    from (
{model}
    ) m
) t
