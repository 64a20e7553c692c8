-- purpose: find tables whose rows were moved to another file
-- parameters: $1 tables text[], $2 the file that each had bigint[]
-- rows: table. What has no file of its own (partitioned, foreign) has number 0
-- locks: none
-- idempotent: reads only
select t.name
from unnest($1::text[], $2::bigint[]) as t (name, file)
where coalesce(pg_relation_filenode(to_regclass(t.name))::bigint, 0) <> t.file
