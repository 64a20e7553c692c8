-- purpose: say that the database of a trial is in use, and list those of trials that were broken off
-- parameters: $1 name of the database, which need not exist yet, text
-- rows: name of each database of a trial that no session says it uses
-- locks: an advisory lock on the name, and on each one that is listed, until the session ends
-- idempotent: yes: the locks are taken again and counted
select d.datname::text
from (select pg_advisory_lock(hashtextextended($1, 0)) offset 0) as own
cross join pg_database d
where d.datname ~ '^evo_trial_[0-9a-f]{32}$' and pg_try_advisory_lock(hashtextextended(d.datname, 0))
