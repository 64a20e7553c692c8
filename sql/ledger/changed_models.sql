-- purpose: let dimensions elect again from the core tables of an entity: rows have changed without a batch
-- parameters: $1 entity text
-- rows: none
-- locks: the entity's rows of evo.models, until commit
-- idempotent: no; each call is a generation
update evo.models set generation = generation + 1 where entity = $1
