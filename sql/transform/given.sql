-- purpose: list the columns that a model gives, however it is written
-- placeholders: {model} the model's select
-- rows: one: names text[], in order. Nothing is read: the join's condition is known to be false
-- locks: none
-- idempotent: reads only
select array(select json_object_keys(to_json(given)))
from (
    select m.*
    from (values (1)) as one (n)
    left join (
{model}
    ) m on false
) given
