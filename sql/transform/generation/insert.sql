-- purpose: fill a new table with the rows of a part
-- placeholders: {new} the table, {columns}, {values} for them, {model} the model's select over the part,
--               {constraint} of the table's partition
-- rows: none
-- locks: the new table's own
-- idempotent: no; a part is inserted once
insert into {new} ({columns})
select {values} from (
{model}
) m
where {constraint}
