-- purpose: read the phases of some executions, and the results that later executions compare with
-- parameters: $1 ids of executions uuid[]
-- rows: id as text, kind (phase, check, bloat), name, detail (of a check the entity or table, of a phase null), number
--       (rows of a check, bytes of bloat, milliseconds of a phase), and severity of a check
-- locks: none
-- idempotent: reads only
-- Of a check its rows are counted; the keys that it found stay in the ledger.
select r.execution_id::text, 'phase', x ->> 'phase', null, round((x ->> 'elapsed_ms')::numeric)::bigint, null
from evo.runs r
cross join lateral jsonb_array_elements(r.measures -> 'phases') x
where r.execution_id = any($1)
union all
select r.execution_id::text, 'check', x ->> 'check', x ->> 'on', (x ->> 'rows')::bigint, x ->> 'severity'
from evo.runs r
cross join lateral jsonb_path_query(r.summary, 'strict $.**.checks[*] ? (exists(@.check))') x
where r.execution_id = any($1)
union all
select r.execution_id::text, 'bloat', x ->> 'table', null, (x #>> '{bloat,bytes}')::bigint, null
from evo.runs r
cross join lateral jsonb_array_elements(r.summary -> 'after') x
where r.execution_id = any($1) and jsonb_typeof(x -> 'bloat') = 'object'
order by 1, 2, 3, 4
