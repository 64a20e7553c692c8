-- purpose: remember what the rows of a table were made by, so that a transform notices a model that changed since
-- locks: none that anyone waits for
create table evo.definitions (
    table_name text        primary key,
    entity     text        not null,
    digest     text,
    columns    text[]      not null default '{}',
    noted_at   timestamptz not null default clock_timestamp()
);
create index definitions_entity_idx on evo.definitions (entity);
comment on table evo.definitions is
    'What the rows of a staging or core table were made by: model, zone, date formats, key.';
comment on column evo.definitions.entity is 'The entity, or the dimension.';
comment on column evo.definitions.digest is
    'Digest of the definition by which all rows were made. Null: rows were made by more than one.';
comment on column evo.definitions.columns is 'Columns of the table that its model has filled, now or earlier.';
