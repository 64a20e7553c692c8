-- purpose: the rows of core were made as its models, zone and date formats are now
-- for: each entity
-- severity: warn
-- when: check
-- hint: rows whose documents did not change are still as the older definition made them: evo transform ENTITY --full-refresh
select d.table_name
from {definitions} as d (table_name, digest, columns)
join evo.definitions made on made.table_name = d.table_name
where made.digest is distinct from d.digest
