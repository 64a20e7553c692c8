-- purpose: create the session's temporary tables of a load, which are emptied at every commit
-- placeholders: {stage} and {verdict} names of tables, which change with the types in them, {key_column} type
--               of the keys, {mode} jsonb or text: the type of the document column, {compression} of the
--               staging table: a document is compressed once, here, and is copied as it is
-- rows: none
-- locks: none outside of the session
-- idempotent: if not exists; repeated in every transaction, because a pooler may hand us another session.
--             Tables made for each batch would bloat the catalogs
create temp table if not exists {stage} (
    object_no     integer not null,
    line_no       bigint  not null,
    byte_offset   bigint  not null,
    key           {key_column},
    event_at      timestamp,
    event_utc     boolean,
    hash          uuid,
    doc           {mode} {compression},
    rejected_line bytea,
    reason        text,
    sqlstate      text
) on commit delete rows;
create temp table if not exists evo_document_{mode} (
    object_no integer not null,
    line_no   bigint  not null,
    doc       {mode}   {compression} not null
) on commit delete rows;
create temp table if not exists {verdict} (
    key        {key_column} not null,
    event_at   timestamptz not null,
    hash       uuid        not null,
    object_no  integer     not null,
    line_no    bigint      not null,
    stage_row  tid,
    verdict    text        not null,
    is_older   boolean     not null,
    known_hash uuid
) on commit delete rows
