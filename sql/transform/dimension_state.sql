-- purpose: find out whether a dimension must be rebuilt, because it never was built or because a source has
--          another generation since
-- parameters: $1 dimension text, $2 source tables text[]
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select exists (
    select
    from unnest($2::text[]) as s (table_name)
    left join evo.models m on m.table_name = s.table_name
    left join evo.dimension_sources d on d.dimension = $1 and d.table_name = s.table_name
    where d.generation is distinct from coalesce(m.generation, 0)
)
