-- purpose: run a statement on the server that has a shard, in a transaction of its own
-- parameters: $1 host text, $2 port int, $3 names of settings text[], $4 their values text[], $5 statement text,
--             which gives one array of counts
-- rows: one: whether it was committed; the counts as an array, or the error as JSON
-- locks: those of the statement
-- idempotent: no
select success, result
from master_run_on_worker(array[$1::text], array[$2::int],
                          array[format('select evo.run_counting(%L, %L, %L)', $3::text[], $4::text[], $5::text)], false)
