-- purpose: list the tables of schema evo, partitioned ones once
-- rows: qualified name
-- locks: none beyond those of reading the catalog
-- idempotent: reads only
select format('evo.%I', relname)
from pg_class
where relnamespace = to_regnamespace('evo') and relkind in ('r', 'p') and not relispartition
order by 1
