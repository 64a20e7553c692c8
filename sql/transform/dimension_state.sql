-- purpose: whether a dimension must be built anew, because it never was or because a source has another generation since
-- parameters: $1 dimension text, $2 source tables text[]
-- rows: one: must be built anew
select exists (
    select
    from unnest($2::text[]) as s (table_name)
    left join evo.models m on m.table_name = s.table_name
    left join evo.dimension_sources d on d.dimension = $1 and d.table_name = s.table_name
    where d.generation is distinct from coalesce(m.generation, 0)
)
