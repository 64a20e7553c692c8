-- purpose: create the session's temporary table with the keys of a chunk
-- placeholders: {changed} its name, which changes with the type of the keys, {key_column} that type
-- rows: none
-- locks: none outside the session; a temp table made per chunk would bloat the catalogs
-- idempotent: if not exists; repeated in every transaction because a pooler may hand us another session
create temp table if not exists {changed} (key {key_column}, event_at timestamptz) on commit delete rows;
