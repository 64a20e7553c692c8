-- purpose: what staging holds for the batch's keys: one index probe a key, never a scan of the table
-- placeholders: {target} the staging table, {match} the join on its key, {target_event} its time key or a constant
-- rows: none; fills evo_known
-- note: the join methods are switched off around this statement alone, because the planner knows nothing of a temp table's
--       keys and would scan a large table; `offset 0` keeps the local table a subquery, as distributed tables need it
set local enable_hashjoin = off;
set local enable_mergejoin = off;
insert into evo_known (key, event_at, run_id, path, hash)
select w.key, {target_event}, t.run_id, t._source_file, t._content_hash
from (select key, event_at from evo_winner offset 0) w
join {target} t on {match};
set local enable_hashjoin = on;
set local enable_mergejoin = on
