-- purpose: make a history of what a model gives for versions: rows that follow each other and show the same are
--          one row
-- placeholders: {columns} of the model, {ends} the column until when a row counts, {identity} of what has versions,
--               {time} since when a version counts, {differs} a condition on the rest of two rows that follow each
--               other, {model} the model's select over all versions of some documents, with evo_until
-- rows: {columns} and {ends}, null for a row that the newest version has
-- locks: none
-- idempotent: reads only
-- A row goes on as long as the next version of its document has it, too. So the row of a child ends where a
-- version lacks the child, and another one begins where it is back.
select {columns}, lead(f.evo_before, 1, f.evo_last) over (partition by {identity} order by {time}) as {ends}
from (
    select m.*, lag(m.evo_until) over w as evo_before,
           last_value(m.evo_until) over (w rows between current row and unbounded following) as evo_last,
           lag(m.evo_until) over w is distinct from m.{time} or {differs} as evo_begins
    from (
{model}
    ) m
    window w as (partition by {identity} order by {time})
) f
where f.evo_begins
