-- purpose: find out whether a dimension must be rebuilt, because it never was built, because a source has
--          another generation since, or because it is elected otherwise than its rows were
-- parameters: $1 dimension text, $2 source tables text[], $3 digest of its definition text
-- rows: one: boolean
-- locks: none
-- idempotent: reads only
select exists (
    select
    from unnest($2::text[]) as s (table_name)
    left join evo.models m on m.table_name = s.table_name
    left join evo.dimension_sources d on d.dimension = $1 and d.table_name = s.table_name
    where d.generation is distinct from coalesce(m.generation, 0)
) or exists (select from evo.definitions where entity = $1 and digest is distinct from $3)
