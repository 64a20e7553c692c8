-- purpose: find the names of relations that others use, in schemas that evo shares with them
-- parameters: $1 names with their schema text[]
-- rows: name, what it is ('table', 'view', 'index' and so on); sorted
-- locks: none
-- idempotent: reads only
select w.name,
       case c.relkind
           when 'v' then 'view' when 'm' then 'materialized view' when 'i' then 'index' when 'I' then 'index'
           when 'S' then 'sequence' when 'f' then 'foreign table' when 'c' then 'type' else 'table'
       end
from unnest($1::text[]) as w (name)
join pg_class c on c.oid = to_regclass(w.name)
order by 1
