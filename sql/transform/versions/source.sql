-- purpose: the versions of documents, each with the time of the next one, as a relation
-- placeholders: {rows} staged rows as a relation, {all} the table that holds all versions, {key} of a document in
--               it, {time} of a version
-- rows: those of the table, and evo_until, null for the newest version of a document
-- locks: none
-- idempotent: reads only
-- One probe of the primary key for each version: sorting whole documents would cost more.
(select r.*, later.evo_until
from {rows} r
cross join lateral (
    select min(v.{time}) as evo_until from {all} v where v.{key} = r.{key} and v.{time} > r.{time}
) later)
