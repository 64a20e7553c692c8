-- purpose: describe the columns that a model gives, however it is written
-- placeholders: {model} the model's select
-- rows: one, of nulls: its columns have the names and types that the model gives, in order. Nothing is read: the
--       join's condition is known to be false
-- locks: none
-- idempotent: reads only
select m.*
from (values (1)) as one (n)
left join (
{model}
) m on false
