-- purpose: the rows that the changed documents give
-- placeholders: {fresh}, {columns}, {model} the model's select over the chunk
-- locks: none outside the session
insert into {fresh} ({columns})
select {columns} from (
{model}
) m
