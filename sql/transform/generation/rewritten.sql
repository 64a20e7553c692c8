-- purpose: tables whose rows were given other places
-- parameters: $1 tables text[], $2 the file that each had bigint[]
-- rows: table
select t.name
from unnest($1::text[], $2::bigint[]) as t (name, file)
where pg_relation_filenode(to_regclass(t.name))::bigint is distinct from t.file
