-- purpose: record how the keys of a staging table are read, unless it was recorded otherwise and holds rows
-- parameters: $1 table text, $2 entity text, $3 digest text, $4 whether the table is empty boolean
-- rows: one: boolean, whether the rows of the table have keys that were read this way
-- locks: the row of the table, until commit
-- idempotent: yes
with noted as (
    insert into evo.definitions as d (table_name, entity, digest)
    values ($1, $2, $3)
    on conflict (table_name) do update
    set digest = excluded.digest, noted_at = clock_timestamp()
    where d.digest is distinct from excluded.digest and $4
    returning d.digest
)
select exists (select 1 from noted)
    or exists (select from evo.definitions where table_name = $1 and digest = $3)
