-- purpose: say what has the name of a core table, if it is no table
-- parameters: $1 table text
-- rows: the kind of object; none for a table
-- locks: none
-- idempotent: reads only
select case c.relkind when 'v' then 'a view' when 'm' then 'a materialized view' when 'f' then 'a foreign table' else 'no table' end
from pg_class c
where c.oid = $1::text::regclass and c.relkind not in ('r', 'p')
