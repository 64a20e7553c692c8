-- purpose: record from which generations a dimension was built
-- parameters: $1 dimension text, $2 source tables text[]
-- rows: none
-- locks: the rows that it writes, until commit
-- idempotent: the same generations give the same rows
insert into evo.dimension_sources (dimension, table_name, generation)
select $1, s.table_name, coalesce(m.generation, 0)
from unnest($2::text[]) as s (table_name)
left join evo.models m on m.table_name = s.table_name
on conflict (dimension, table_name) do update set generation = excluded.generation
