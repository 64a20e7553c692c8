-- purpose: read the rows that the changed documents give
-- placeholders: {fresh} where they go, {columns} of the model, {model} the model's select over the chunk
-- rows: none
-- locks: none outside of the session
-- idempotent: no; the table is emptied at commit
insert into {fresh} ({columns})
select {columns} from (
{model}
) m
